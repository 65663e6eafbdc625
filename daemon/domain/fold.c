/* fold.c - see fold.h. */
#include "domain/fold.h"

#include <stdint.h>
#include <string.h>

#define LATIN_FIRST 0xC0
#define LATIN_END 0x180

/* U+00C0 to U+017F, sixteen to two lines; "" separates words. */
/* clang-format off */
static const char latin[LATIN_END - LATIN_FIRST][3] = {
	"a", "a", "a", "a", "a", "a", "ae", "c",
	"e", "e", "e", "e", "i", "i", "i", "i",
	"d", "n", "o", "o", "o", "o", "o", "",
	"o", "u", "u", "u", "u", "y", "th", "ss",
	"a", "a", "a", "a", "a", "a", "ae", "c",
	"e", "e", "e", "e", "i", "i", "i", "i",
	"d", "n", "o", "o", "o", "o", "o", "",
	"o", "u", "u", "u", "u", "y", "th", "y",
	"a", "a", "a", "a", "a", "a", "c", "c",
	"c", "c", "c", "c", "c", "c", "d", "d",
	"d", "d", "e", "e", "e", "e", "e", "e",
	"e", "e", "e", "e", "g", "g", "g", "g",
	"g", "g", "g", "g", "h", "h", "h", "h",
	"i", "i", "i", "i", "i", "i", "i", "i",
	"i", "i", "ij", "ij", "j", "j", "k", "k",
	"k", "l", "l", "l", "l", "l", "l", "l",
	"l", "l", "l", "n", "n", "n", "n", "n",
	"n", "n", "n", "n", "o", "o", "o", "o",
	"o", "o", "oe", "oe", "r", "r", "r", "r",
	"r", "r", "s", "s", "s", "s", "s", "s",
	"s", "s", "t", "t", "t", "t", "t", "t",
	"u", "u", "u", "u", "u", "u", "u", "u",
	"u", "u", "u", "u", "w", "w", "y", "y",
	"y", "z", "z", "z", "z", "z", "z", "s",
};
/* clang-format on */

/* Whole words with a common short form; see end_word(). */
static const struct abbreviation {
	const char *word, *brief;
} abbreviations[] = {
	{ "saint", "st" },
	{ "sainte", "ste" },
	{ "saints", "sts" },
	{ "saintes", "stes" },
};

#define ABBREVIATIONS (sizeof abbreviations / sizeof abbreviations[0])

struct folder {
	char *out;
	size_t len;  /* written */
	size_t word; /* where the current word starts */
	bool gap;    /* a separator came since the last letter */
};

/* Length of the sequence that a first byte announces; 0: none can start so. */
static size_t
sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF)
		return 3;
	if (lead >= 0xF0 && lead <= 0xF4)
		return 4;
	return 0;
}

/* Decode one code point.  Returns its length, 0 when not UTF-8. */
static size_t
decode(const char *text, size_t len, uint32_t *cp)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)text[0];
	size_t n = sequence_length(lead);

	if (n == 0 || n > len)
		return 0;
	*cp = n == 1 ? lead : lead & (0xFFU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)text[i];

		if ((next & 0xC0) != 0x80)
			return 0;
		*cp = *cp << 6 | (next & 0x3FU);
	}
	if (*cp < lowest[n] || *cp > 0x10FFFF)
		return 0;
	return *cp >= 0xD800 && *cp <= 0xDFFF ? 0 : n;
}

static bool
is_combining(uint32_t cp)
{
	return cp >= 0x300 && cp <= 0x36F;
}

/* Punctuation and spaces outside Latin-1, as far as people type them. */
static bool
is_separator(uint32_t cp)
{
	return (cp >= 0x2000 && cp <= 0x206F) ||
	       (cp >= 0x3000 && cp <= 0x303F) || cp == 0xFEFF;
}

static void
end_word(struct folder *f)
{
	size_t n = f->len - f->word;

	/* All of them begin so: most words are not looked at twice. */
	for (size_t i = 0; n >= 5 && f->out[f->word] == 's' &&
			   f->out[f->word + 1] == 'a' && i < ABBREVIATIONS;
	     i++) {
		const struct abbreviation *a = &abbreviations[i];

		if (strlen(a->word) != n ||
		    memcmp(f->out + f->word, a->word, n) != 0)
			continue;
		f->len = f->word + strlen(a->brief);
		memcpy(f->out + f->word, a->brief, strlen(a->brief));
		break;
	}
	f->word = f->len;
}

static void
separate(struct folder *f)
{
	if (!f->gap)
		end_word(f);
	f->gap = true;
}

static void
put(struct folder *f, const char *letters, size_t n)
{
	if (f->gap && f->len > 0) {
		f->out[f->len++] = ' ';
		f->word = f->len;
	}
	f->gap = false;
	memcpy(f->out + f->len, letters, n);
	f->len += n;
}

static void
put_ascii(struct folder *f, char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
		separate(f);
	else if (f->gap)
		put(f, &c, 1);
	else
		f->out[f->len++] = c; /* as most are: inside a word */
}

static void
put_code_point(struct folder *f, uint32_t cp, const char *text, size_t n)
{
	if (cp >= LATIN_FIRST && cp < LATIN_END) {
		const char *plain = latin[cp - LATIN_FIRST];

		if (plain[0] == '\0')
			separate(f);
		else
			put(f, plain, strlen(plain));
	} else if (cp == 0x1E9E) { /* capital sharp s */
		put(f, "ss", 2);
	} else if (cp < LATIN_FIRST || is_separator(cp)) {
		separate(f);
	} else if (!is_combining(cp)) {
		put(f, text, n);
	}
}

size_t
fold_text(const char *text, size_t len, char *out)
{
	struct folder f = { .out = out, .gap = true };

	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n;

		if ((unsigned char)text[at] < 0x80) {
			put_ascii(&f, text[at++]);
			continue;
		}
		n = decode(text + at, len - at, &cp);
		if (n == 0)
			separate(&f);
		else
			put_code_point(&f, cp, text + at, n);
		at += n > 0 ? n : 1;
	}
	separate(&f);
	out[f.len] = '\0';
	return f.len;
}

bool
fold_is_utf8(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n = decode(text + at, len - at, &cp);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}
