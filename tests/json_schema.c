/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a JSON document against a JSON Schema (draft 2020-12), as far as the schemas of
 * docs/schema go: a keyword that is not known here is a fault, not passed over. */
#include "config.h"

#include <espmfg/export.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

enum { EXIT_VALID, EXIT_INVALID, EXIT_SCHEMA };

struct checker {
    json_t *root;    /* of the schema */
    char path[512];  /* in the document */
    char place[512]; /* of the first fault */
    char fault[512]; /* and what it is */
    size_t faults;
    bool schema_is_bad;
};

/* A fault at the present place; the first is told. */
EM_PRINTF(2, 3)
static bool bad(struct checker *c, const char *format, ...)
{
    va_list ap;
    if (c->faults++ > 0)
        return false;
    (void)snprintf(c->place, sizeof c->place, "%s", c->path); /* the same size */
    va_start(ap, format);
    (void)vsnprintf(c->fault, sizeof c->fault, format, ap); /* long texts are cut */
    va_end(ap);
    return false;
}

static bool bad_schema(struct checker *c, const char *what, const char *name)
{
    if (!c->schema_is_bad)
        printf("schema: %s '%s'\n", what, name);
    c->schema_is_bad = true;
    return false;
}

static bool validate(struct checker *c, json_t *schema, json_t *value);

/* Validate a part of the value, whose name is added to the path meanwhile. */
static bool validate_part(struct checker *c, json_t *schema, json_t *value,
                          const char *name)
{
    size_t len = strlen(c->path);
    (void)snprintf(c->path + len, sizeof c->path - len, "/%s", name); /* may be cut */
    bool good = validate(c, schema, value);
    c->path[len] = '\0';
    return good;
}

static bool has_type(json_t *value, const char *type)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL:
        return strcmp(type, "number") == 0;
    case JSON_NULL:
        return strcmp(type, "null") == 0;
    default:
        return strcmp(type, "boolean") == 0;
    }
}

static bool check_type(struct checker *c, const json_t *type, json_t *value)
{
    size_t i;
    const json_t *one;
    if (json_is_string(type))
        return has_type(value, json_string_value(type)) ||
               bad(c, "is not of type %s", json_string_value(type));
    json_array_foreach(type, i, one)
    {
        if (has_type(value, json_string_value(one)))
            return true;
    }
    return bad(c, "is of none of the types");
}

static bool check_properties(struct checker *c, json_t *schema, json_t *value)
{
    const json_t *properties = json_object_get(schema, "properties");
    bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
    const char *name;
    json_t *member;
    bool good = true;
    json_object_foreach(value, name, member)
    {
        json_t *rule = json_object_get(properties, name);
        if (rule != NULL)
            good = validate_part(c, rule, member, name) && good;
        else if (closed)
            good = bad(c, "has a member '%s' too many", name);
    }
    return good;
}

static bool check_required(struct checker *c, const json_t *names, json_t *value)
{
    size_t i;
    const json_t *name;
    json_array_foreach(names, i, name)
    {
        if (json_object_get(value, json_string_value(name)) == NULL)
            return bad(c, "lacks the member '%s'", json_string_value(name));
    }
    return true;
}

static bool check_items(struct checker *c, json_t *rule, json_t *value)
{
    size_t i;
    json_t *item;
    bool good = true;
    json_array_foreach(value, i, item)
    {
        char name[24];
        (void)snprintf(name, sizeof name, "%zu", i); /* always fits */
        good = validate_part(c, rule, item, name) && good;
    }
    return good;
}

static bool check_enum(struct checker *c, json_t *values, json_t *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach(values, i, one)
    {
        if (json_equal(one, value))
            return true;
    }
    return bad(c, "is none of the values that are allowed");
}

/* oneOf: exactly one fits; anyOf: at least one. Of those that do not fit, the one with
 * the fewest faults was meant: its fault is told. */
static bool check_choice(struct checker *c, json_t *rules, json_t *value, bool only_one)
{
    size_t i;
    json_t *rule;
    size_t n = 0;
    struct checker before = *c;
    struct checker best = *c;
    before.faults = 0;
    json_array_foreach(rules, i, rule)
    {
        struct checker trial = before;
        n += validate(&trial, rule, value);
        c->schema_is_bad = c->schema_is_bad || trial.schema_is_bad;
        if (i == 0 || trial.faults <= best.faults)
            best = trial;
    }
    if (only_one && n > 1)
        return bad(c, "fits %zu forms, and should fit one", n);
    if (n > 0)
        return true;
    if (c->faults == 0) {
        memcpy(c->place, best.place, sizeof c->place);
        memcpy(c->fault, best.fault, sizeof c->fault);
    }
    c->faults += best.faults;
    return false;
}

static bool check_ref(struct checker *c, const json_t *ref, json_t *value)
{
    static const char start[] = "#/$defs/";
    const char *name = json_string_value(ref);
    if (name == NULL || strncmp(name, start, sizeof start - 1) != 0)
        return bad_schema(c, "$ref is not to #/$defs/", name == NULL ? "" : name);
    json_t *rule =
        json_object_get(json_object_get(c->root, "$defs"), name + sizeof start - 1);
    return rule == NULL ? bad_schema(c, "there is no", name) : validate(c, rule, value);
}

static bool check_keyword(struct checker *c, json_t *schema, const char *keyword,
                          json_t *rule, json_t *value)
{
    static const char *const notes[] = {"$schema", "$id",         "$defs",
                                        "title",   "description", "additionalProperties"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        if (strcmp(keyword, notes[i]) == 0)
            return true;
    }
    if (strcmp(keyword, "type") == 0)
        return check_type(c, rule, value);
    if (strcmp(keyword, "properties") == 0)
        return !json_is_object(value) || check_properties(c, schema, value);
    if (strcmp(keyword, "required") == 0)
        return !json_is_object(value) || check_required(c, rule, value);
    if (strcmp(keyword, "items") == 0)
        return !json_is_array(value) || check_items(c, rule, value);
    if (strcmp(keyword, "enum") == 0)
        return check_enum(c, rule, value);
    if (strcmp(keyword, "const") == 0)
        return json_equal(rule, value) || bad(c, "is not the value that is wanted");
    if (strcmp(keyword, "minimum") == 0)
        return !json_is_number(value) ||
               json_number_value(value) >= json_number_value(rule) ||
               bad(c, "is too small");
    if (strcmp(keyword, "maximum") == 0)
        return !json_is_number(value) ||
               json_number_value(value) <= json_number_value(rule) ||
               bad(c, "is too large");
    if (strcmp(keyword, "oneOf") == 0 || strcmp(keyword, "anyOf") == 0)
        return check_choice(c, rule, value, keyword[0] == 'o');
    if (strcmp(keyword, "$ref") == 0)
        return check_ref(c, rule, value);
    return bad_schema(c, "keyword that this checker does not know:", keyword);
}

static bool validate(struct checker *c, json_t *schema, json_t *value)
{
    const char *keyword;
    json_t *rule;
    bool good = true;
    json_object_foreach(schema, keyword, rule)
    {
        good = check_keyword(c, schema, keyword, rule, value) && good;
    }
    return good;
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *value =
        json_load_file(path, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL)
        printf("%s:%d: %s\n", path, error.line, error.text);
    return value;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: json_schema SCHEMA DOCUMENT\n");
        return EXIT_SCHEMA;
    }
    json_t *schema = load(argv[1]);
    json_t *document = schema == NULL ? NULL : load(argv[2]);
    int status = schema == NULL ? EXIT_SCHEMA : EXIT_INVALID;
    if (document != NULL) {
        struct checker c = {.root = schema};
        bool good = validate(&c, schema, document);
        status = c.schema_is_bad ? EXIT_SCHEMA : good ? EXIT_VALID : EXIT_INVALID;
        if (status == EXIT_INVALID)
            printf("%s: %s %s\n", argv[2], c.place[0] == '\0' ? "the document" : c.place,
                   c.fault);
    }
    json_decref(document);
    json_decref(schema);
    return status;
}
