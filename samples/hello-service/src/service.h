#ifndef SERVICE_H
#define SERVICE_H

#include <stddef.h>

/* The HTTP answer to a request's text; always a whole, terminated answer. size must be at least 256. */
void respond(const char *request, char *answer, size_t size);

/* Listens on loopback; port 0 takes a free one. The socket, and the port in *port; or -1. */
int listen_on(int *port);

/* Answers one connection. 0, or -1. */
int serve_one(int listener);

/* Asks 127.0.0.1:port for a path and leaves the answer in out. 0, or -1. */
int ask(int port, const char *path, char *out, size_t size);

#endif
