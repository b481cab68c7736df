#include "greeting.h"
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HELLO_VERSION
#define HELLO_VERSION "dev"
#endif

/* Sends one request to itself over a real socket; a deployment runs it to check the installed program. */
static int selftest(void)
{
    char response[512];
    int port = 0;
    int listener = listen_on(&port);
    if (listener < 0) {
        perror("hello: listen");
        return 1;
    }

    pid_t server = fork();
    if (server < 0) {
        perror("hello: fork");
        return 1;
    }

    if (server == 0) {
        _exit(serve_one(listener) == 0 ? 0 : 1);
    }

    int status = 1;
    int asked = ask(port, "/healthz", response, sizeof response);
    waitpid(server, &status, 0);
    if (asked != 0 || status != 0 || strncmp(response, "HTTP/1.0 200 ", 13) != 0) {
        fprintf(stderr, "hello: the service does not response on port %d\n", port);
        return 1;
    }

    printf("hello %s responds on port %d\n", HELLO_VERSION, port);
    return 0;
}

static int serve(int port)
{
    int listener = listen_on(&port);
    if (listener < 0) {
        perror("hello: listen");
        return 1;
    }

    printf("listening on http://127.0.0.1:%d/hello/NAME\n", port);
    fflush(stdout);
    while (1) {
        serve_one(listener);
    }
}

int main(int count, char **arguments)
{
    char text[256];
    if (count >= 2 && strcmp(arguments[1], "--version") == 0) {
        puts(HELLO_VERSION);
        return 0;
    }

    if (count == 2 && strcmp(arguments[1], "selftest") == 0) {
        return selftest();
    }

    if (count == 3 && strcmp(arguments[1], "serve") == 0) {
        return serve(atoi(arguments[2]));
    }

    if (count > 2 || greeting(count == 2 ? arguments[1] : "", text, sizeof text) != 0) {
        fputs("usage: hello [NAME] | hello serve PORT | hello selftest | hello --version\n", stderr);
        return 2;
    }

    puts(text);
    return 0;
}
