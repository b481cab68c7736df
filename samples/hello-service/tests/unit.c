/* Unit tests with a JUnit report: ./unit reports/junit.xml */
#include "greeting.h"
#include "service.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef const char *(*test)(void); /* NULL, or the failure */

static const char *an_empty_name_greets_the_world(void)
{
    char out[32];
    return greeting("", out, sizeof out) == 0 && strcmp(out, "Hello, world!") == 0 ? NULL : "expected 'Hello, world!'";
}

static const char *a_name_is_greeted(void)
{
    char out[32];
    return greeting("Ada", out, sizeof out) == 0 && strcmp(out, "Hello, Ada!") == 0 ? NULL : "expected 'Hello, Ada!'";
}

static const char *a_name_that_does_not_fit_is_refused(void)
{
    char out[8];
    return greeting("Ada", out, sizeof out) == -1 ? NULL : "expected a refusal";
}

static const char *a_control_character_is_refused(void)
{
    char out[32];
    return greeting("A\nda", out, sizeof out) == -1 ? NULL : "expected a refusal";
}

static int responds(const char *request, const char *start, const char *end)
{
    char response[512];
    respond(request, response, sizeof response);
    size_t length = strlen(response);
    return strncmp(response, start, strlen(start)) == 0 && length >= strlen(end)
        && strcmp(response + length - strlen(end), end) == 0;
}

static const char *health_is_ok(void)
{
    return responds("GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\nok\n") ? NULL : "expected 200 and ok";
}

static const char *hello_says_the_name(void)
{
    return responds("GET /hello/Ada HTTP/1.1\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\nHello, Ada!") ? NULL : "expected the greeting";
}

static const char *an_unknown_path_is_not_found(void)
{
    return responds("GET /nowhere HTTP/1.1\r\n\r\n", "HTTP/1.0 404 ", "not here\n") ? NULL : "expected 404";
}

static const char *another_method_is_a_bad_request(void)
{
    return responds("POST /hello/Ada HTTP/1.1\r\n\r\n", "HTTP/1.0 400 ", "understood\n") ? NULL : "expected 400";
}

static const struct {
    const char *name;
    test run;
} tests[] = {
    { "an_empty_name_greets_the_world", an_empty_name_greets_the_world },
    { "a_name_is_greeted", a_name_is_greeted },
    { "a_name_that_does_not_fit_is_refused", a_name_that_does_not_fit_is_refused },
    { "a_control_character_is_refused", a_control_character_is_refused },
    { "health_is_ok", health_is_ok },
    { "hello_says_the_name", hello_says_the_name },
    { "an_unknown_path_is_not_found", an_unknown_path_is_not_found },
    { "another_method_is_a_bad_request", another_method_is_a_bad_request },
};

enum { COUNT = sizeof tests / sizeof tests[0] };

int main(int count, char **arguments)
{
    const char *wrong[COUNT];
    double seconds[COUNT];
    int failures = 0;
    for (int i = 0; i < COUNT; i++) {
        clock_t begin = clock();
        wrong[i] = tests[i].run();
        seconds[i] = (double)(clock() - begin) / CLOCKS_PER_SEC;
        failures += wrong[i] != NULL;
        printf("%s %s%s%s\n", wrong[i] ? "FAIL" : "ok  ", tests[i].name, wrong[i] ? ": " : "", wrong[i] ? wrong[i] : "");
    }

    printf("%d tests, %d failed\n", (int)COUNT, failures);
    if (count < 2) {
        return failures != 0;
    }

    FILE *report = fopen(arguments[1], "w");
    if (report == NULL) {
        perror(arguments[1]);
        return 2;
    }

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", report);
    fprintf(report, "<testsuite name=\"hello\" tests=\"%d\" failures=\"%d\">\n", (int)COUNT, failures);
    for (int i = 0; i < COUNT; i++) {
        fprintf(report, "  <testcase classname=\"hello\" name=\"%s\" time=\"%.6f\">", tests[i].name, seconds[i]);
        if (wrong[i] != NULL) {
            fprintf(report, "<failure message=\"%s\"/>", wrong[i]);
        }

        fputs("</testcase>\n", report);
    }

    fputs("</testsuite>\n", report);
    return fclose(report) != 0 || failures != 0;
}
