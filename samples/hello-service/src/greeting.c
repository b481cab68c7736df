#include "greeting.h"

#include <ctype.h>
#include <stdio.h>

int greeting(const char *name, char *out, size_t size)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!isprint((unsigned char)*c)) {
            return -1;
        }
    }

    int length = snprintf(out, size, "Hello, %s!", *name == '\0' ? "world" : name);
    return length < 0 || (size_t)length >= size ? -1 : 0;
}
