# SPDX-License-Identifier: Apache-2.0

libespmfg_all_la_SOURCES += \
	mfg/ledger/admin.c \
	mfg/ledger/check.c \
	mfg/ledger/claim.c \
	mfg/ledger/copy.c \
	mfg/ledger/db.c \
	mfg/ledger/db_int.h \
	mfg/ledger/event.c \
	mfg/ledger/group.c \
	mfg/ledger/journal.c \
	mfg/ledger/journal_int.h \
	mfg/ledger/journal_send.c \
	mfg/ledger/key.c \
	mfg/ledger/ledger.c \
	mfg/ledger/ledger_int.h \
	mfg/ledger/look.c \
	mfg/ledger/lost.c \
	mfg/ledger/pg.c \
	mfg/ledger/pg_int.h \
	mfg/ledger/pg_open.c \
	mfg/ledger/pg_schema.c \
	mfg/ledger/pg_station.c \
	mfg/ledger/schema.c \
	mfg/ledger/schema_int.h \
	mfg/ledger/sqlite.c \
	mfg/ledger/sqlite_int.h \
	mfg/ledger/sqlite_open.c \
	mfg/ledger/sqlite_schema.c \
	mfg/ledger/sqlite_station.c \
	mfg/ledger/text.c \
	mfg/ledger/url.c \
	mfg/ledger/url_int.h
