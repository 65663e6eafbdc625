/*
 * i18n.h - the language of what people read.
 *
 * Sources are English; catalogues are ordinary gettext .mo files, made by
 * msgfmt from po/LANG.po and read here.  glibc's gettext() is not used because
 * it translates nothing unless the user's locale is generated on the machine
 * (and, from glibc 2.39 on, nothing in C.UTF-8): on a small server that is
 * usually not so, and French readers would get English.
 *
 * Output is always UTF-8.  Thread: one; i18n_init() first.
 */
#ifndef CLI_I18N_H
#define CLI_I18N_H

/*
 * Choose the language: RESOPRO_LANG, else LANGUAGE, LC_ALL, LC_MESSAGES, LANG
 * as gettext does.  Catalogues: RESOPRO_LOCALE_DIR, else ../share/locale and
 * locale beside the program.  Without a catalogue: English.  Never fails.
 */
void i18n_init(void);

/* Forget the catalogue. */
void i18n_free(void);

/* "fr" or "en": the language in use. */
const char *i18n_language(void);

/* The text in the user's language, or itself.  Lives until i18n_free(). */
const char *i18n_text(const char *msgid) __attribute__((format_arg(1)));

/* As above, by number. */
const char *i18n_plural(const char *one, const char *many, unsigned long n)
    __attribute__((format_arg(1), format_arg(2)));

#define _(text) i18n_text(text)
#define N_(text) text

#endif
