/*
 * geo.h - points on the globe and the distance between them.
 *
 * Pure.  Thread: any.
 */
#ifndef DOMAIN_GEO_H
#define DOMAIN_GEO_H

#include <stdint.h>

struct geo_point {
	double latitude, longitude; /* degrees, WGS 84 */
	double unit[3];             /* the same, on the unit sphere */
};

struct geo_point geo_point(double latitude, double longitude);

/* As the crow flies (haversine, mean earth radius), rounded to the metre:
 * symmetric, and 0 for the same point. */
uint32_t geo_distance_m(const struct geo_point *, const struct geo_point *);

#endif
