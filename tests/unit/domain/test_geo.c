/* Distances on the globe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/geo.h"

static void
distance__same_point__zero(void **state)
{
	struct geo_point a = geo_point(49.18, -0.37);

	(void)state;
	assert_int_equal(geo_distance_m(&a, &a), 0);
}

static void
distance__caen_to_rouen__about_109_km_both_ways(void **state)
{
	struct geo_point caen = geo_point(49.1859, -0.3591);
	struct geo_point rouen = geo_point(49.4431, 1.0993);
	uint32_t there = geo_distance_m(&caen, &rouen);

	(void)state;
	assert_in_range(there, 108000, 110500);
	assert_int_equal(there, geo_distance_m(&rouen, &caen));
}

static void
distance__a_degree_of_meridian__the_mean_radius_gives_111_195_m(void **state)
{
	struct geo_point a = geo_point(49, 0), b = geo_point(50, 0);

	(void)state;
	assert_in_range(geo_distance_m(&a, &b), 111194, 111196);
}

static void
distance__antipodes__half_the_globe(void **state)
{
	struct geo_point a = geo_point(0, 0), b = geo_point(0, 180);

	(void)state;
	assert_in_range(geo_distance_m(&a, &b), 20015100, 20015130);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance__same_point__zero),
		cmocka_unit_test(
		    distance__caen_to_rouen__about_109_km_both_ways),
		cmocka_unit_test(
		    distance__a_degree_of_meridian__the_mean_radius_gives_111_195_m),
		cmocka_unit_test(distance__antipodes__half_the_globe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
