/* SPDX-License-Identifier: Apache-2.0 */
/* YAML held against a schema, event by event, to tell every fault with its line. */
#include "config.h"

#include "src/line/job_int.h"

#include <yaml.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct walk {
    struct line_yaml *yaml;
    yaml_parser_t parser;
    const uint8_t *data;
    size_t len;
    struct em_error *err;
};

static unsigned long line_of(yaml_mark_t mark)
{
    return (unsigned long)mark.line + 1;
}

static enum em_status fault(struct walk *walk, unsigned long line, const char *hint,
                            const char *format, ...) EM_PRINTF(4, 5);
static enum em_status fault(struct walk *walk, unsigned long line, const char *hint,
                            const char *format, ...)
{
    char what[sizeof walk->err->what];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)em_error_set(walk->err, EM_ERR_INPUT, hint, "%s", what);
    em_error_at(walk->err, line_yaml_file(walk->yaml), line);
    return EM_ERR_INPUT;
}

/* What libyaml could not read. Its problems with characters have an offset, not a line.
 */
static enum em_status not_yaml(struct walk *walk)
{
    const yaml_parser_t *parser = &walk->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return em_error_nomem(walk->err);
    unsigned long line = line_of(parser->problem_mark);
    size_t at = parser->problem_mark.index;
    if (parser->error == YAML_READER_ERROR) {
        at = parser->problem_offset;
        line = 1;
        for (size_t i = 0; i < at && i < walk->len; i++)
            line += walk->data[i] == '\n';
    }
    bool tab = at < walk->len && walk->data[at] == '\t';
    return fault(walk, line,
                 tab ? "indent with blanks: YAML knows no tabs"
                     : "a key is 'name: value'; texts with : # { [ or \" need quotes",
                 "not readable as YAML: %s",
                 parser->problem != NULL ? parser->problem : "no reason known");
}

/* The next event, without what is not wanted here. */
static enum em_status next(struct walk *walk, yaml_event_t *event)
{
    if (yaml_parser_parse(&walk->parser, event) == 0)
        return not_yaml(walk);
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        anchor = event->data.alias.anchor;
        break;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor == NULL && tag == NULL)
        return EM_OK;
    const char *hint = "write the value where it is needed; quote texts that begin so";
    unsigned long line = line_of(event->start_mark);
    enum em_status status =
        anchor != NULL
            ? fault(walk, line, hint, "anchors and aliases (&%.40s) have no place here",
                    (const char *)anchor)
            : fault(walk, line, hint, "tags (%.40s) have no place here",
                    (const char *)tag);
    yaml_event_delete(event);
    return status;
}

static enum em_status walk_value(struct walk *walk, const struct cyaml_schema_value *want,
                                 const char *place, const char *key);

static const char *field_name(const void *user, size_t idx)
{
    return ((const struct cyaml_schema_field *)user)[idx].key;
}

/* The field that a key names, which must not have been seen before. */
static enum em_status find_field(struct walk *walk, const yaml_event_t *event,
                                 const struct cyaml_schema_field *fields,
                                 const char *place, const struct cyaml_schema_field **out,
                                 char inner[LINE_PLACE_SIZE])
{
    unsigned long line = line_of(event->start_mark);
    if (event->type != YAML_SCALAR_EVENT)
        return fault(walk, line, NULL, "a key has to be a name");
    const char *name = (const char *)event->data.scalar.value;
    for (*out = fields; (*out)->key != NULL; (*out)++) {
        if (strcmp((*out)->key, name) == 0)
            break;
    }
    if ((*out)->key == NULL) {
        char hint[sizeof walk->err->hint];
        line_nearest(hint, sizeof hint, name, field_name, fields);
        return fault(walk, line, hint, "unknown key '%.64s'%s%s", name,
                     place[0] == '\0' ? "" : " in ", place);
    }
    (void)snprintf(inner, LINE_PLACE_SIZE, "%s%s%s", place, place[0] == '\0' ? "" : ".",
                   name);
    unsigned long before = line_yaml_line(walk->yaml, inner);
    if (before != 0)
        return fault(walk, line, "leave one of them away",
                     "key '%s' is given twice, first in line %lu", name, before);
    return line_yaml_add_place(walk->yaml, inner, line, walk->err);
}

static enum em_status walk_mapping(struct walk *walk,
                                   const struct cyaml_schema_field *fields,
                                   const char *place, unsigned long line)
{
    for (;;) {
        yaml_event_t event;
        enum em_status status = next(walk, &event);
        if (status != EM_OK)
            return status;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        const struct cyaml_schema_field *field = fields;
        char inner[LINE_PLACE_SIZE];
        status = find_field(walk, &event, fields, place, &field, inner);
        yaml_event_delete(&event);
        if (status == EM_OK)
            status = walk_value(walk, &field->value, inner, field->key);
        if (status != EM_OK)
            return status;
    }
    for (; fields->key != NULL; fields++) {
        char inner[LINE_PLACE_SIZE];
        (void)snprintf(inner, sizeof inner, "%s%s%s", place, place[0] == '\0' ? "" : ".",
                       fields->key);
        if ((fields->value.flags & CYAML_FLAG_OPTIONAL) == 0 &&
            line_yaml_line(walk->yaml, inner) == 0)
            return fault(walk, line, "the manual page of the file has all keys",
                         "key '%s' is missing%s%s", fields->key,
                         place[0] == '\0' ? "" : " in ", place);
    }
    return EM_OK;
}

static enum em_status walk_sequence(struct walk *walk,
                                    const struct cyaml_schema_value *want,
                                    const char *place, const char *key,
                                    unsigned long line)
{
    /* Whether the list goes on is only known by its next event, which is an entry's: so
     * the entry's first event is looked at here, through a second look at the token. */
    for (size_t idx = 0;; idx++) {
        char inner[LINE_PLACE_SIZE];
        (void)snprintf(inner, sizeof inner, "%s[%zu]", place, idx);
        enum em_status status = walk_value(walk, want->sequence.entry, inner, NULL);
        if (status == EM_ERR_STOPPED) { /* the end of the list, not an entry */
            if (idx < want->sequence.min)
                return fault(walk, line, "the manual page of the file has all keys",
                             "'%s' has to have at least %u entr%s", key,
                             want->sequence.min, want->sequence.min == 1 ? "y" : "ies");
            return EM_OK;
        }
        if (status != EM_OK)
            return status;
        if (idx == want->sequence.max)
            return fault(walk, line, NULL, "'%s' has more than %u entries", key,
                         want->sequence.max);
    }
}

static enum em_status walk_text(struct walk *walk, const yaml_event_t *event,
                                const struct cyaml_schema_value *want, const char *shown)
{
    const yaml_char_t *text = event->data.scalar.value;
    size_t len = event->data.scalar.length;
    unsigned long line = line_of(event->start_mark);
    if (len == 0)
        return fault(walk, line, "leave the key away to get its default",
                     "%s has no value", shown);
    if (len > want->string.max)
        return fault(walk, line, NULL, "%s has %zu bytes, limit %u", shown, len,
                     want->string.max);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] == 0x7F)
            return fault(walk, line,
                         "write it in one line; '…' quotes keep a \\ as it is",
                         "%s has a control character (0x%02X)", shown, text[i]);
    }
    return EM_OK;
}

static const char *kind_of(yaml_event_type_t type)
{
    return type == YAML_MAPPING_START_EVENT    ? "'name: value' pairs"
           : type == YAML_SEQUENCE_START_EVENT ? "a list"
                                               : "a text";
}

/* EM_ERR_STOPPED: there was the end of a list. @p key NULL: an entry of a list. */
static enum em_status walk_value(struct walk *walk, const struct cyaml_schema_value *want,
                                 const char *place, const char *key)
{
    yaml_event_t event;
    enum em_status status = next(walk, &event);
    if (status != EM_OK)
        return status;
    unsigned long line = line_of(event.start_mark);
    char shown[LINE_PLACE_SIZE + 8];
    (void)snprintf(shown, sizeof shown, place[0] == '\0' ? "the file" : "'%s'", place);
    yaml_event_type_t type = want->type == CYAML_MAPPING    ? YAML_MAPPING_START_EVENT
                             : want->type == CYAML_SEQUENCE ? YAML_SEQUENCE_START_EVENT
                                                            : YAML_SCALAR_EVENT;
    if (event.type == YAML_SEQUENCE_END_EVENT && key == NULL)
        status = EM_ERR_STOPPED;
    else if (event.type != type)
        status =
            fault(walk, line, "samples/ and the manual page show how it is written",
                  "%s has to be %s, not %s", shown, kind_of(type), kind_of(event.type));
    else if (type == YAML_SCALAR_EVENT)
        status = walk_text(walk, &event, want, shown);
    bool scalar = event.type == YAML_SCALAR_EVENT;
    yaml_event_delete(&event);
    if (status == EM_OK && key == NULL && place[0] != '\0')
        status = line_yaml_add_place(walk->yaml, place, line, walk->err);
    if (status != EM_OK || scalar)
        return status;
    return type == YAML_MAPPING_START_EVENT
               ? walk_mapping(walk, want->mapping.fields, place, line)
               : walk_sequence(walk, want, place, key, line);
}

static enum em_status walk_one(struct walk *walk, yaml_event_type_t wanted,
                               const char *hint, const char *otherwise)
{
    yaml_event_t event;
    enum em_status status = next(walk, &event);
    if (status != EM_OK)
        return status;
    if (event.type != wanted)
        status = fault(walk, line_of(event.start_mark), hint, "%s", otherwise);
    yaml_event_delete(&event);
    return status;
}

static enum em_status walk_file(struct walk *walk,
                                const struct cyaml_schema_value *schema)
{
    const char *hint = "samples/ has files to begin with";
    enum em_status status = walk_one(walk, YAML_STREAM_START_EVENT, hint, "no YAML");
    if (status == EM_OK)
        status = walk_one(walk, YAML_DOCUMENT_START_EVENT, hint, "the file is empty");
    if (status == EM_OK)
        status = walk_value(walk, schema, "", "");
    if (status == EM_OK)
        status = walk_one(walk, YAML_DOCUMENT_END_EVENT, NULL, "no end");
    if (status == EM_OK)
        status = walk_one(walk, YAML_STREAM_END_EVENT, "remove the line '---'",
                          "a second document begins");
    return status;
}

enum em_status line_yaml_walk(struct line_yaml *yaml, const uint8_t *data, size_t len,
                              const struct cyaml_schema_value *schema,
                              struct em_error *err)
{
    struct walk walk = {.yaml = yaml, .data = data, .len = len, .err = err};
    if (yaml_parser_initialize(&walk.parser) == 0)
        return em_error_nomem(err);
    yaml_parser_set_input_string(&walk.parser, data, len);
    enum em_status status = walk_file(&walk, schema);
    yaml_parser_delete(&walk.parser);
    return status;
}
