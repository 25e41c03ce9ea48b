/* SPDX-License-Identifier: Apache-2.0 */
/* Words of command lines: numbers, sizes, files of words. */
#include "config.h"

#include "src/cli.h"

#include "base/error_int.h"
#include "base/file_int.h"
#include "base/text_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_FILE_MAX = 1024 * 1024 };

bool cli_number(unsigned long long *out, const char *text, unsigned long long max)
{
    *out = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        unsigned digit = (unsigned)(*text - '0');
        if (*out > (max - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

bool cli_integer(unsigned long long *out, const char *text, unsigned long long max)
{
    struct em_integer number;
    *out = 0;
    if (em_text_literal(&number, em_span_of(text), NULL) != EM_OK || number.negative ||
        number.huge || number.magnitude > max)
        return false;
    *out = number.magnitude;
    return true;
}

bool cli_size(unsigned long long *out, const char *text, unsigned long long max)
{
    char digits[32];
    size_t len = strlen(text);
    char last = len == 0 ? '\0' : text[len - 1];
    bool hex = len > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned long long unit = last == 'k' || last == 'K'   ? 1024
                              : last == 'm' || last == 'M' ? 1024 * 1024
                                                           : 1;
    if (unit == 1 || hex)
        return cli_integer(out, text, max);
    *out = 0;
    if (len > sizeof digits)
        return false;
    (void)snprintf(digits, sizeof digits, "%.*s", (int)len - 1, text); /* fits */
    if (!cli_integer(out, digits, max / unit))
        return false;
    *out *= unit;
    return true;
}

/* ---- Words from files ---- */

/* Take one word from *at as a shell does: '…' as it is, "…" with \" and \\, a backslash
 * before any other character. The word is made in place. false: a quote is not closed. */
static bool next_word(char **at, char **word_out)
{
    char *from = *at + strspn(*at, " \t\r\n");
    char *to = from;
    char quote = '\0';
    *word_out = *from == '\0' ? NULL : from;
    for (; *from != '\0' && (quote != '\0' || strchr(" \t\r\n", *from) == NULL); from++) {
        if (quote == '\0' && (*from == '\'' || *from == '"'))
            quote = *from;
        else if (*from == quote)
            quote = '\0';
        else if (*from == '\\' && from[1] != '\0' &&
                 (quote == '\0' || (quote == '"' && strchr("\"\\", from[1]) != NULL)))
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *at = *from == '\0' ? from : from + 1;
    *to = '\0';
    return quote == '\0';
}

static enum em_status add_word(struct cli_words *words, char *word, struct em_error *err)
{
    if (words->count + 1 >= words->room) {
        size_t room = words->room * 2 + 16;
        char **bigger = realloc(words->argv, room * sizeof *bigger);
        if (bigger == NULL)
            return em_error_nomem(err);
        words->argv = bigger;
        words->room = room;
    }
    words->argv[words->count++] = word;
    words->argv[words->count] = NULL;
    return EM_OK;
}

/* Keep @p text until the words are freed. */
static enum em_status keep(struct cli_words *words, char *text, struct em_error *err)
{
    char **bigger = realloc(words->texts, (words->text_count + 1) * sizeof *bigger);
    if (bigger == NULL) {
        free(text);
        return em_error_nomem(err);
    }
    words->texts = bigger;
    words->texts[words->text_count++] = text;
    return EM_OK;
}

static enum em_status add_file(struct cli_words *words, const char *path,
                               struct em_error *err)
{
    struct em_buf file = {0};
    char *word = NULL;
    enum em_status status = em_file_read(&file, path, WORDS_FILE_MAX, err);
    em_buf_append_byte(&file, 0);
    if (status == EM_OK && file.failed)
        status = em_error_nomem(err);
    if (status == EM_OK && strlen((char *)file.data) + 1 != file.len) {
        status = em_error_set(err, EM_ERR_INPUT, "write options and arguments into it",
                              "a NUL character in a file of arguments");
        em_error_at(err, path, 0);
    }
    if (status != EM_OK) {
        em_buf_free(&file);
        return status;
    }
    char *at = (char *)file.data;
    status = keep(words, at, err);
    while (status == EM_OK) {
        if (!next_word(&at, &word)) {
            status = em_error_set(err, EM_ERR_INPUT, "close it with the same character",
                                  "a quote is opened and never closed");
            em_error_at(err, path, 0);
        } else if (word == NULL) {
            break;
        } else {
            status = add_word(words, word, err);
        }
    }
    return status;
}

enum em_status cli_words_expand(struct cli_words *out, int argc, char **argv,
                                struct em_error *err)
{
    enum em_status status = EM_OK;
    *out = (struct cli_words){0};
    for (int i = 0; i < argc && status == EM_OK; i++) {
        if (argv[i][0] == '@' && argv[i][1] != '\0')
            status = add_file(out, argv[i] + 1, err);
        else
            status = add_word(out, argv[i], err);
    }
    if (status != EM_OK)
        cli_words_free(out);
    return status;
}

void cli_words_free(struct cli_words *words)
{
    for (size_t i = 0; i < words->text_count; i++)
        free(words->texts[i]);
    free(words->texts);
    free(words->argv);
    *words = (struct cli_words){0};
}
