#include "service.h"

#include "greeting.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void write_response(char *response, size_t size, const char *status, const char *body)
{
    snprintf(response, size,
             "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
}

void respond(const char *request, char *response, size_t size)
{
    char path[64];
    char text[96];
    if (sscanf(request, "GET %63s HTTP/", path) != 1) {
        write_response(response, size, "400 Bad Request", "only GET is understood\n");
    } else if (strcmp(path, "/healthz") == 0) {
        write_response(response, size, "200 OK", "ok\n");
    } else if (strncmp(path, "/hello/", 7) == 0 && greeting(path + 7, text, sizeof text) == 0) {
        write_response(response, size, "200 OK", text);
    } else {
        write_response(response, size, "404 Not Found", "not here\n");
    }
}

int listen_on(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)*port) };
    socklen_t length = sizeof address;
    int reuse = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) {
        return -1;
    }

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0
        || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        close(listener);
        return -1;
    }

    *port = ntohs(address.sin_port);
    return listener;
}

int serve_one(int listener)
{
    char request[512];
    char response[512];
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) {
        return -1;
    }

    ssize_t got = read(connection, request, sizeof request - 1);
    request[got > 0 ? got : 0] = '\0';
    respond(request, response, sizeof response);
    size_t length = strlen(response);
    ssize_t sent = write(connection, response, length);
    close(connection);
    return sent == (ssize_t)length ? 0 : -1;
}

int ask(int port, const char *path, char *out, size_t size)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    char request[128];
    size_t total = 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0) {
        return -1;
    }

    int length = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    if (length < 0 || (size_t)length >= sizeof request || connect(connection, (struct sockaddr *)&address, sizeof address) != 0
        || write(connection, request, (size_t)length) != length) {
        close(connection);
        return -1;
    }

    ssize_t got;
    while (total < size - 1 && (got = read(connection, out + total, size - 1 - total)) > 0) {
        total += (size_t)got;
    }

    out[total] = '\0';
    close(connection);
    return total > 0 ? 0 : -1;
}
