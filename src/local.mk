# SPDX-License-Identifier: Apache-2.0
# The programs. They are linked with the library's objects, internals included, so that they
# start fast and can use base/.

bin_PROGRAMS += mfg_gen

mfg_gen_SOURCES = \
	src/cli.c \
	src/cli.h \
	src/cli_words.c \
	src/gen.h \
	src/gen_args.c \
	src/gen_args.h \
	src/gen_generate.c \
	src/gen_image.c \
	src/gen_image.h \
	src/gen_image_check.c \
	src/gen_image_diff.c \
	src/gen_image_dump.c \
	src/gen_image_make.c \
	src/gen_image_raw.c \
	src/gen_key.c \
	src/gen_verify.c \
	src/mfg_gen.c \
	src/term.c \
	src/term.h
mfg_gen_LDADD = libespmfg_all.la $(EM_LIBS)

bin_PROGRAMS += mfg_sim

mfg_sim_SOURCES = \
	src/cli.c \
	src/cli.h \
	src/cli_words.c \
	src/mfg_sim.c \
	src/term.c \
	src/term.h
mfg_sim_LDADD = libespmfg_all.la $(EM_LIBS)

bashcomp_DATA = src/completion/mfg_gen.bash
zshcomp_DATA  = src/completion/_mfg_gen
fishcomp_DATA = src/completion/mfg_gen.fish
EXTRA_DIST   += $(bashcomp_DATA) $(zshcomp_DATA) $(fishcomp_DATA)

# bash finds a completion by the name of the command.
install-data-hook:
	cd "$(DESTDIR)$(bashcompdir)" && mv -f mfg_gen.bash mfg_gen
uninstall-hook:
	rm -f "$(DESTDIR)$(bashcompdir)/mfg_gen"
