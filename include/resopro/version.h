/*
 * resopro/version.h - which libresopro this is.
 *
 * While the major number is 0 a new minor number may change the interface;
 * the shared object's soname changes with it.
 */
#ifndef RESOPRO_VERSION_H
#define RESOPRO_VERSION_H

#define RSP_VERSION_MAJOR 0
#define RSP_VERSION_MINOR 1
#define RSP_VERSION_PATCH 0
#define RSP_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library in use at run time: "0.1.0". */
const char *rsp_version(void);

#ifdef __cplusplus
}
#endif
#endif
