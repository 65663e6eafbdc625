/*
 * note.h - does a free text hold what identifies a person?
 *
 * Looks for an e-mail address, a French phone number and a NIR (social
 * security number), with the separators that people write.  It errs on the
 * side of refusing: a refused note is written again, a stored NIR is a leak.
 * Pure.  Thread: any.
 */
#ifndef DOMAIN_NOTE_H
#define DOMAIN_NOTE_H

#include <stdbool.h>
#include <stddef.h>

bool note_has_email(const char *s, size_t len);
bool note_has_phone(const char *s, size_t len);
bool note_has_nir(const char *s, size_t len);

#endif
