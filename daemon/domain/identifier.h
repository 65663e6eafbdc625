/*
 * identifier.h - numbers that French registers give: SIREN, SIRET, RNA, UAI,
 * INSEE codes.  Shape and check digits; existence is not known here.
 *
 * Pure.  Thread: any.  `s` need not end with a NUL.
 */
#ifndef DOMAIN_IDENTIFIER_H
#define DOMAIN_IDENTIFIER_H

#include <stdbool.h>
#include <stddef.h>

enum identifier_result {
	IDENTIFIER_OK = 0,
	IDENTIFIER_SHAPE = -1,    /* not that many digits, or a wrong sign */
	IDENTIFIER_CHECKSUM = -2, /* right shape, wrong check digit */
};

/* Digits only, and their Luhn sum is a multiple of 10. */
bool identifier_luhn(const char *s, size_t len);

/* 9 digits, Luhn, not all zero. */
enum identifier_result identifier_siren(const char *s, size_t len);

/* 14 digits: a SIREN and a NIC, Luhn over all.  The establishments of La Poste
 * (SIREN 356000000) may have a sum of digits multiple of 5 instead. */
enum identifier_result identifier_siret(const char *s, size_t len);

/* W, then a département (two digits, or a digit and a letter in Corsica and
 * overseas) and 7 digits. */
enum identifier_result identifier_rna(const char *s, size_t len);

/* 7 digits and an upper-case letter: the remainder by 23. */
enum identifier_result identifier_uai(const char *s, size_t len);

/* The letter that 7 digits want; 0 when they are not 7 digits. */
char identifier_uai_letter(const char *s, size_t len);

/* The rest has no check digit: is the shape right? */
bool identifier_commune(const char *s, size_t len);     /* 14118, 2A004 */
bool identifier_postal_code(const char *s, size_t len); /* 14000, 97400 */
bool identifier_departement(const char *s, size_t len); /* 14, 2A, 974 */
bool identifier_country(const char *s, size_t len);     /* COG: 99109 */

/* SIREN of a grouping of communes: it starts with 2. */
enum identifier_result identifier_epci(const char *s, size_t len);

#endif
