#ifndef SERVICE_H
#define SERVICE_H

#include <stddef.h>

/* Writes the HTTP response to a request; always complete and terminated. size must be at least 256. */
void respond(const char *request, char *response, size_t size);

/* Listens on loopback; port 0 takes a free one. Returns the socket and sets *port, or returns -1. */
int listen_on(int *port);

/* Handles one connection. Returns 0, or -1. */
int serve_one(int listener);

/* Requests a path from 127.0.0.1:port and writes the response to out. Returns 0, or -1. */
int ask(int port, const char *path, char *out, size_t size);

#endif
