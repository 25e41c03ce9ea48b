# SPDX-License-Identifier: Apache-2.0
# The programs. They are linked with the library's objects, internals included, so that they
# start fast and can use base/.

bin_PROGRAMS += mfg_flash mfg_gen mfg_sim

# What all programs share.
program_sources = \
	src/cli.c \
	src/cli.h \
	src/cli_words.c \
	src/term.c \
	src/term.h

mfg_flash_SOURCES = \
	$(program_sources) \
	src/efuse.h \
	src/efuse_args.c \
	src/efuse_args.h \
	src/efuse_burn.c \
	src/efuse_chain.c \
	src/efuse_keys.c \
	src/efuse_main.c \
	src/efuse_output.c \
	src/efuse_plan.c \
	src/efuse_read.c \
	src/efuse_rules.c \
	src/efuse_script.c \
	src/efuse_stage.c \
	src/efuse_summary.c \
	src/flash.h \
	src/flash_args.c \
	src/flash_args.h \
	src/flash_erase.c \
	src/flash_files.c \
	src/flash_files.h \
	src/flash_image.c \
	src/flash_image_make.c \
	src/flash_image_merge.c \
	src/flash_info.c \
	src/flash_ledger.c \
	src/flash_ledger.h \
	src/flash_ledger_change.c \
	src/flash_ledger_copy.c \
	src/flash_ledger_export.c \
	src/flash_ledger_report.c \
	src/flash_ledger_show.c \
	src/flash_line.c \
	src/flash_line.h \
	src/flash_line_feed.c \
	src/flash_line_ledger.c \
	src/flash_line_run.c \
	src/flash_line_try.c \
	src/flash_memory.c \
	src/flash_output.c \
	src/flash_partition.c \
	src/flash_ports.c \
	src/flash_read.c \
	src/flash_session.c \
	src/flash_session.h \
	src/flash_settings.c \
	src/flash_settings.h \
	src/flash_start.c \
	src/flash_status.c \
	src/flash_trace.c \
	src/flash_trace.h \
	src/flash_verify.c \
	src/flash_write.c \
	src/mfg_flash.c
mfg_flash_LDADD = libline.la libreport.la libespmfg_all.la $(EM_LIBS) $(CYAML_LIBS)

mfg_gen_SOURCES = \
	$(program_sources) \
	src/gen.h \
	src/gen_args.c \
	src/gen_args.h \
	src/gen_flash_crypt.c \
	src/gen_generate.c \
	src/gen_image.c \
	src/gen_image.h \
	src/gen_image_check.c \
	src/gen_image_diff.c \
	src/gen_image_dump.c \
	src/gen_image_make.c \
	src/gen_image_raw.c \
	src/gen_key.c \
	src/gen_unseal.c \
	src/gen_verify.c \
	src/mfg_gen.c
mfg_gen_LDADD = libespmfg_all.la $(EM_LIBS)

mfg_sim_SOURCES = \
	$(program_sources) \
	src/mfg_sim.c
mfg_sim_LDADD = libespmfg_all.la $(EM_LIBS)

bashcomp_DATA = \
	src/completion/mfg_flash.bash \
	src/completion/mfg_gen.bash \
	src/completion/mfg_sim.bash
zshcomp_DATA = \
	src/completion/_mfg_flash \
	src/completion/_mfg_gen \
	src/completion/_mfg_sim
fishcomp_DATA = \
	src/completion/mfg_flash.fish \
	src/completion/mfg_gen.fish \
	src/completion/mfg_sim.fish
EXTRA_DIST   += $(bashcomp_DATA) $(zshcomp_DATA) $(fishcomp_DATA)

# bash finds a completion by the name of the command.
install-data-hook:
	cd "$(DESTDIR)$(bashcompdir)" && mv -f mfg_flash.bash mfg_flash && \
	    mv -f mfg_gen.bash mfg_gen && mv -f mfg_sim.bash mfg_sim
uninstall-hook:
	cd "$(DESTDIR)$(bashcompdir)" && rm -f mfg_flash mfg_gen mfg_sim
