/* geo.c - see geo.h. */
#include "domain/geo.h"

#include <math.h>

#define EARTH_DIAMETER_M (2 * 6371008.8)

static double
radians(double degrees)
{
	return degrees * (M_PI / 180);
}

struct geo_point
geo_point(double latitude, double longitude)
{
	double phi = radians(latitude), lambda = radians(longitude);

	return (struct geo_point){
		.latitude = latitude,
		.longitude = longitude,
		.unit = { cos(phi) * cos(lambda), cos(phi) * sin(lambda),
		    sin(phi) },
	};
}

/* Half the chord between two unit vectors is the sine of half their angle:
 * the haversine formula, with the trigonometry done once a point. */
uint32_t
geo_distance_m(const struct geo_point *a, const struct geo_point *b)
{
	double dx = a->unit[0] - b->unit[0];
	double dy = a->unit[1] - b->unit[1];
	double dz = a->unit[2] - b->unit[2];
	double half = sqrt(dx * dx + dy * dy + dz * dz) / 2;

	return (uint32_t)lround(EARTH_DIAMETER_M * asin(fmin(half, 1)));
}
