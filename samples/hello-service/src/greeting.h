#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>

/* Writes "Hello, NAME!" to out; "world" stands for an empty name. Returns 0, or -1 when it does not fit or a character is not printable. */
int greeting(const char *name, char *out, size_t size);

#endif
