/* Records read from CSV files as members' systems write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../client/cli/records_csv.h"

#define SITE RESOPRO__V1__KIND__KIND_SITE
#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define OFFER RESOPRO__V1__KIND__KIND_OFFER
#define STATUS RESOPRO__V1__KIND__KIND_STATUS

struct fx {
	FILE *file;
	struct records_csv *csv;
	Resopro__V1__SyncRecord *s;
	Resopro__V1__Site *site; /* of s */
	unsigned line;
	struct records_problem p;
};

static void
open_bytes(struct fx *f, Resopro__V1__Kind kind, const void *bytes, size_t len)
{
	memset(f, 0, sizeof *f);
	f->file = tmpfile();
	assert_non_null(f->file);
	assert_int_equal(fwrite(bytes, 1, len, f->file), len);
	rewind(f->file);
	f->csv = records_csv_open(f->file, records_kind_of(kind));
	assert_non_null(f->csv);
}

static void
open_text(struct fx *f, Resopro__V1__Kind kind, const char *text)
{
	open_bytes(f, kind, text, strlen(text));
}

static enum records_got
next(struct fx *f)
{
	enum records_got got;

	records_free(f->s);
	got = records_csv_next(f->csv, &f->s, &f->line, &f->p);
	f->site = f->s != NULL && f->s->record->kind == SITE
		      ? f->s->record->site
		      : NULL;
	return got;
}

static void
done(struct fx *f)
{
	records_free(f->s);
	records_csv_close(f->csv);
	fclose(f->file);
}

static void
next__semicolons_bom_crlf__read_as_any(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE,
	    "\xEF\xBB\xBFsource_id;nom;code_insee\r\n"
	    "s1; Flers ;61169\r\n"
	    "\r\n"
	    "s2;\"Domfront; \"\"centre\"\"\";61145\r\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.s->record->source_id, "s1");
	assert_string_equal(f.site->nom, "Flers");
	assert_int_equal(f.line, 2);
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.site->nom, "Domfront; \"centre\"");
	assert_string_equal(f.site->code_insee, "61145");
	assert_int_equal(f.line, 4);
	assert_int_equal(next(&f), RECORDS_END);
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

static void
next__tabs_and_no_last_newline__read(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "source_id\tnom\tadresse\ns1\tFlers, centre\t");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.site->nom, "Flers, centre");
	assert_string_equal(f.site->adresse, "");
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

static void
next__old_mac_line_ends__lines_counted(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "source_id,nom\rs1,Un\rs2,Deux\r");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.site->nom, "Deux");
	assert_int_equal(f.line, 3);
	done(&f);
}

static void
next__first_line_says_separator__believed(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "sep=;\nsource_id;nom,a;nom\n");
	assert_int_equal(next(&f), RECORDS_FATAL); /* column "nom,a" */
	assert_int_equal(f.p.line, 2);
	assert_int_equal(f.p.column, 2);
	done(&f);
}

static void
next__windows_1252__converted_and_said_once(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE,
	    "source_id;nom\n"
	    "s1;ASCII\n"
	    "s2;\xC9vreux \x80\n"
	    "s3;Lis\xE8ve\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(next(&f), RECORDS_REMARK);
	assert_int_equal(f.p.line, 3);
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.site->nom, "Évreux €");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.site->nom, "Lisève");
	done(&f);
}

static void
next__cell_over_two_lines__line_is_where_it_begins(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE,
	    "source_id,nom,description\n"
	    "s1,Un,\"a\r\nb\"\n"
	    "s2,Deux,c\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.site->description, "a\nb");
	assert_int_equal(f.line, 2);
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(f.line, 4);
	done(&f);
}

static void
next__aliases_accents_and_case__are_fields(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE,
	    "Identifiant,NAME,Address,Code Postal,Téléphone,URL,Lat,position."
	    "longitude\ns1,Un,1 rue A,61100,02 33,https://a,\"48,75\",-0.57\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.s->record->source_id, "s1");
	assert_string_equal(f.site->nom, "Un");
	assert_string_equal(f.site->adresse, "1 rue A");
	assert_string_equal(f.site->code_postal, "61100");
	assert_string_equal(f.site->telephone, "02 33");
	assert_string_equal(f.site->site_web, "https://a");
	assert_true(f.site->position->latitude == 48.75);
	assert_true(f.site->position->longitude == -0.57);
	done(&f);
}

static void
next__id_without_source_id__serves_as_both(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, ORGANISATION,
	    "id,name,kind,certainty\na,Un,cio,likely\n");
	assert_int_equal(next(&f), RECORDS_REMARK);
	assert_non_null(strstr(f.p.msg, "certainty"));
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_string_equal(f.s->record->id, "a");
	assert_string_equal(f.s->record->source_id, "a");
	assert_string_equal(f.s->record->organisation->kind, "cio");
	done(&f);
}

static void
next__lists_numbers_and_flags__by_their_types(void **state)
{
	struct fx f;
	Resopro__V1__Offer *offer;

	(void)state;
	open_text(&f, OFFER,
	    "source_id,site_source_id,nom,publics,nombre_semaines,"
	    "volume_horaire_hebdomadaire\n"
	    "o1,s1,Un,jeunes | adultes ||,6,\"1,5\"\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	offer = f.s->record->offer;
	assert_string_equal(f.s->site_source_id, "s1");
	assert_int_equal(offer->n_publics, 2);
	assert_string_equal(offer->publics[1], "adultes");
	assert_int_equal(offer->nombre_semaines, 6);
	assert_true(offer->volume_horaire_hebdomadaire == 1.5);
	done(&f);

	open_text(&f, SITE, "source_id,nom,itinerant\na,Un,Oui\nb,Deux,non\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_true(f.site->itinerant);
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_false(f.site->itinerant);
	done(&f);
}

static void
next__csv_as_list_prints_it__read_back(void **state)
{
	struct fx f;
	Resopro__V1__Organisation *o;

	(void)state;
	open_text(&f, ORGANISATION,
	    "id,owner,source,source_id,version,revision,created_at,"
	    "updated_at,confirmed_at,nom,kind,competence,predecesseurs\n"
	    "a,b,push,s1,1,8,2026-01-01T00:00:00Z,,,Un,cio,arr:141|arr:142,"
	    "\"{\"\"id\"\":\"\"x\"\",\"\"date\"\":\"\"2020-01-01\"\"}|"
	    "{\"\"id\"\":\"\"y\"\"}\"\n"
	    "c,,,s2,,,,,,Deux,cio,,\"{\"\"idd\"\":1}\"\n"
	    "d,,,s3,,,,,,Trois,cio,,\"{} {}\"\n");
	assert_int_equal(next(&f), RECORDS_REMARK);
	assert_non_null(strstr(f.p.msg, "owner, source, version"));
	assert_int_equal(next(&f), RECORDS_ITEM);
	o = f.s->record->organisation;
	assert_int_equal(o->n_competence, 2);
	assert_int_equal(o->n_predecesseurs, 2);
	assert_string_equal(o->predecesseurs[0]->date, "2020-01-01");
	assert_string_equal(o->predecesseurs[1]->id, "y");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

static void
next__wrong_cell__named_and_the_rest_goes_on(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE,
	    "source_id,nom,latitude,siret\n"
	    "s1,Un,nord,\n"
	    "s2,Deux,49.1,\"1,30005E+13\"\n"
	    "s3,Trois,49.1\n"
	    ",Quatre,,\n"
	    "s5,Cinq,,\n");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_int_equal(f.p.line, 2);
	assert_int_equal(f.p.column, 3);
	assert_string_equal(f.p.field, "latitude");
	assert_string_equal(f.p.value, "nord");
	assert_string_not_equal(f.p.remedy, "");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_non_null(strstr(f.p.msg, "rounded"));
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_string_equal(f.p.msg, "3 cells, but the header has 4");
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_string_equal(f.p.msg, "no source_id");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(f.line, 6);
	done(&f);
}

static void
next__not_a_number__refused(void **state)
{
	static const char *const bad[] = { "nan", "inf", "1e999", "0x10",
		"1,2,3", "1 2" };
	char text[120];
	struct fx f;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text,
		    "source_id;nom;latitude\ns1;Un;%s\n", bad[i]);
		open_text(&f, SITE, text);
		assert_int_equal(next(&f), RECORDS_BAD);
		done(&f);
	}
}

static void
header__unknown_column__closest_is_offered(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "source_id,nom,comune\ns1,Un,x\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_int_equal(f.p.line, 1);
	assert_int_equal(f.p.column, 3);
	assert_non_null(strstr(f.p.remedy, "commune"));
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

static void
header__column_missing__named(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "nom,commune\nUn,Flers\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "source_id"));
	done(&f);
	open_text(&f, SITE, "source_id\ns1\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "nom"));
	done(&f);
	open_text(&f, STATUS, "source_id,title\nt1,spro\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "organisation_source_id"));
	done(&f);
}

static void
header__two_columns_for_one_field__refused(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "source_id,nom,Name\ns1,Un,Deux\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "same field"));
	done(&f);
}

static void
file__empty__fatal_header_only__no_records(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_string_equal(f.p.msg, "the file is empty");
	done(&f);
	open_text(&f, SITE, "\xEF\xBB\xBF\r\n\r\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	done(&f);
	open_text(&f, SITE, "source_id,nom\n,\n");
	assert_int_equal(next(&f), RECORDS_END);
	done(&f);
}

static void
file__is_no_text__said(void **state)
{
	static const char utf16[] = "\xFF\xFEs\0o\0";
	static const char zip[] = "PK\3\4\0\0";
	struct fx f;

	(void)state;
	open_bytes(&f, SITE, utf16, sizeof utf16 - 1);
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "UTF-16"));
	done(&f);
	open_bytes(&f, SITE, zip, sizeof zip - 1);
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "NUL"));
	done(&f);
	open_text(&f, SITE, "source_id,nom\ns1,\x81\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_int_equal(f.p.line, 2);
	done(&f);
}

static void
quotes__stray_or_unclosed__fatal_with_line(void **state)
{
	struct fx f;

	(void)state;
	open_text(&f, SITE, "source_id,nom\ns1,Un\ns2,Le \"Phare\"\n");
	assert_int_equal(next(&f), RECORDS_ITEM);
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_int_equal(f.p.line, 3);
	done(&f);
	open_text(&f, SITE, "source_id,nom\ns1,\"Un\ns2,Deux\n");
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_int_equal(f.p.line, 2);
	done(&f);
}

static void
line__without_end_or_limit__refused(void **state)
{
	size_t len = 2 << 20;
	char *big = malloc(len);
	struct fx f;

	(void)state;
	memset(big, 'a', len);
	open_bytes(&f, SITE, big, len);
	assert_int_equal(next(&f), RECORDS_FATAL);
	assert_non_null(strstr(f.p.msg, "longer"));
	done(&f);
	free(big);
}

static void
row__more_cells_than_any_header__counted(void **state)
{
	char text[1000] = "source_id,nom\n";
	struct fx f;

	(void)state;
	memset(text + strlen(text), ',', 600);
	strcpy(text + 614, "x\n");
	open_text(&f, SITE, text);
	assert_int_equal(next(&f), RECORDS_BAD);
	assert_string_equal(f.p.msg, "601 cells, but the header has 2");
	done(&f);
}

static void
kind__file_name__says_which(void **state)
{
	(void)state;
	assert_int_equal(records_kind_of_file("a/organisations.csv")->kind,
	    ORGANISATION);
	assert_int_equal(records_kind_of_file("sites/2026-offres.csv")->kind,
	    OFFER);
	assert_int_equal(records_kind_of_file("SITES.jsonl")->kind, SITE);
	assert_null(records_kind_of_file("organisations-/export.csv"));
	assert_null(records_kind_of_file("websites.csv"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next__semicolons_bom_crlf__read_as_any),
		cmocka_unit_test(next__tabs_and_no_last_newline__read),
		cmocka_unit_test(next__old_mac_line_ends__lines_counted),
		cmocka_unit_test(next__first_line_says_separator__believed),
		cmocka_unit_test(next__windows_1252__converted_and_said_once),
		cmocka_unit_test(
		    next__cell_over_two_lines__line_is_where_it_begins),
		cmocka_unit_test(next__aliases_accents_and_case__are_fields),
		cmocka_unit_test(next__id_without_source_id__serves_as_both),
		cmocka_unit_test(next__lists_numbers_and_flags__by_their_types),
		cmocka_unit_test(next__csv_as_list_prints_it__read_back),
		cmocka_unit_test(next__wrong_cell__named_and_the_rest_goes_on),
		cmocka_unit_test(next__not_a_number__refused),
		cmocka_unit_test(header__unknown_column__closest_is_offered),
		cmocka_unit_test(header__column_missing__named),
		cmocka_unit_test(header__two_columns_for_one_field__refused),
		cmocka_unit_test(file__empty__fatal_header_only__no_records),
		cmocka_unit_test(file__is_no_text__said),
		cmocka_unit_test(quotes__stray_or_unclosed__fatal_with_line),
		cmocka_unit_test(line__without_end_or_limit__refused),
		cmocka_unit_test(row__more_cells_than_any_header__counted),
		cmocka_unit_test(kind__file_name__says_which),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
