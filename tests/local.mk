# SPDX-License-Identifier: Apache-2.0
# Unit tests (one program a source file), the golden runner, and tests of the programs.

AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(top_srcdir)'; export top_srcdir; \
	top_builddir='$(top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	CFLAGS='$(CFLAGS)'; export CFLAGS; \
	MFG_FLASH='$(abs_top_builddir)/mfg_flash'; export MFG_FLASH; \
	MFG_GEN='$(abs_top_builddir)/mfg_gen'; export MFG_GEN; \
	MFG_SIM='$(abs_top_builddir)/mfg_sim'; export MFG_SIM;

EXTRA_DIST += \
	tests/browser_util.sh \
	tests/cli_util.sh \
	tests/bench/README.md \
	tests/data \
	tests/efuse_util.sh \
	tests/pg_util.sh \
	tests/flash_util.sh \
	tests/fuzz \
	tests/em_test.h \
	tests/flasher_script.h \
	tests/http_util.h \
	tests/make_elf.h \
	tests/program_util.h \
	tests/test_flasher_efuse_host_util.h \
	tests/test_flasher_efuse_script_util.h \
	tests/test_flasher_efuse_util.h \
	tests/test_flasher_flash_sim.h \
	tests/test_flasher_flash_util.h \
	tests/test_flasher_transport_sim_util.h \
	tests/test_flasher_transport_util.h \
	tests/test_flasher_sim_trace_fuses_util.h \
	tests/test_flasher_sim_trace_util.h \
	tests/test_flasher_sim_util.h \
	tests/test_line_job_util.h \
	tests/test_line_ledger.h \
	tests/test_line_util.h \
	tests/test_line_view_util.h \
	tests/test_mfg_batch_util.h \
	tests/test_mfg_ledger_util.h \
	tests/test_mfg_units_util.h \
	tests/test_mfg_util.h \
	tests/test_mfg_verify_util.h \
	tests/test_nvs_check_util.h \
	tests/test_nvs_util.h \
	$(test_scripts)

test_scripts = \
	tests/cli.sh \
	tests/docs.sh \
	tests/flash_cli.sh \
	tests/flash_faults.sh \
	tests/flash_image.sh \
	tests/flash_json.sh \
	tests/flash_ports.sh \
	tests/full_disk.sh \
	tests/efuse_cli.sh \
	tests/efuse_plan.sh \
	tests/efuse_scripts.sh \
	tests/golden.sh \
	tests/golden_efuse.sh \
	tests/golden_image.sh \
	tests/golden_public.sh \
	tests/flash_crypt_cli.sh \
	tests/image_cli.sh \
	tests/json.sh \
	tests/ledger_cli.sh \
	tests/ledger_pg.sh \
	tests/ledger_report.sh \
	tests/ledger_server.sh \
	tests/library.sh \
	tests/line_before.sh \
	tests/line_cli.sh \
	tests/line_flash_encryption.sh \
	tests/line_full_disk.sh \
	tests/line_http.sh \
	tests/line_watch.sh \
	tests/line_check.sh \
	tests/line_crash.sh \
	tests/line_stations.sh \
	tests/resume_kill.sh \
	tests/seal_cli.sh \
	tests/seal_line.sh \
	tests/seal_strace.sh \
	tests/samples.sh \
	tests/style.sh \
	tests/verify.sh

if HAVE_CUNIT
unit_tests = \
	tests/test_base_base64 \
	tests/test_base_buf \
	tests/test_base_dir \
	tests/test_base_dir_durable \
	tests/test_base_dir_seen \
	tests/test_base_error \
	tests/test_base_file \
	tests/test_base_hex \
	tests/test_base_hooks \
	tests/test_base_key \
	tests/test_base_load \
	tests/test_base_stream \
	tests/test_base_text \
	tests/test_flasher_chip_baud \
	tests/test_flasher_chip_describe \
	tests/test_flasher_chip_tables \
	tests/test_flasher_crypt_flash_encrypt \
	tests/test_flasher_efuse_burn \
	tests/test_flasher_efuse_coding \
	tests/test_flasher_efuse_controller \
	tests/test_flasher_efuse_extend \
	tests/test_flasher_efuse_keys \
	tests/test_flasher_efuse_model \
	tests/test_flasher_efuse_model_file \
	tests/test_flasher_efuse_script \
	tests/test_flasher_efuse_script_limits \
	tests/test_flasher_efuse_stage \
	tests/test_flasher_efuse_places \
	tests/test_flasher_efuse_plan \
	tests/test_flasher_efuse_rules \
	tests/test_flasher_efuse_tables \
	tests/test_flasher_efuse_values \
	tests/test_flasher_image_golden \
	tests/test_flasher_image_header \
	tests/test_flasher_image_look \
	tests/test_flasher_rom_baud \
	tests/test_flasher_rom_commands \
	tests/test_flasher_rom_connect \
	tests/test_flasher_rom_detect \
	tests/test_flasher_rom_link \
	tests/test_flasher_rom_listen \
	tests/test_flasher_rom_memory \
	tests/test_flasher_rom_reset \
	tests/test_flasher_rom_sim \
	tests/test_flasher_rom_slip \
	tests/test_flasher_rom_stub \
	tests/test_flasher_flash_blocks \
	tests/test_flasher_flash_checks \
	tests/test_flasher_flash_compress \
	tests/test_flasher_flash_erase \
	tests/test_flasher_flash_faults \
	tests/test_flasher_flash_plan \
	tests/test_flasher_flash_read \
	tests/test_flasher_flash_shared \
	tests/test_flasher_flash_size \
	tests/test_flasher_flash_spi \
	tests/test_flasher_flash_write \
	tests/test_flasher_image_hex \
	tests/test_flasher_image_partition \
	tests/test_flasher_transport_net \
	tests/test_flasher_transport_ports \
	tests/test_flasher_transport_sim \
	tests/test_flasher_sim_crypt \
	tests/test_flasher_sim_flash \
	tests/test_flasher_sim_loader \
	tests/test_flasher_sim_power \
	tests/test_flasher_sim_stub \
	tests/test_flasher_sim_trace \
	tests/test_flasher_sim_trace_flash \
	tests/test_flasher_sim_trace_fuses \
	tests/test_flasher_sim_trace_power \
	tests/test_flasher_sim_trace_stub \
	tests/test_flasher_transport_telnet \
	tests/test_flasher_transport_tty \
	tests/test_line_before \
	tests/test_line_fail \
	tests/test_line_feed \
	tests/test_line_hooks \
	tests/test_line_job \
	tests/test_line_job_before \
	tests/test_line_job_faults \
	tests/test_line_kill \
	tests/test_line_run \
	tests/test_line_station \
	tests/test_line_view_lines \
	tests/test_line_view_http \
	tests/test_line_view_term \
	tests/test_many_devices \
	tests/test_mfg_batch \
	tests/test_mfg_batch_faults \
	tests/test_mfg_batch_resume \
	tests/test_mfg_batch_stop \
	tests/test_mfg_config \
	tests/test_mfg_csv \
	tests/test_mfg_seal \
	tests/test_mfg_table \
	tests/test_mfg_encoding \
	tests/test_mfg_files \
	tests/test_mfg_idset \
	tests/test_mfg_keyfile \
	tests/test_mfg_keys \
	tests/test_mfg_ledger_claim \
	tests/test_mfg_ledger_faults \
	tests/test_mfg_ledger_kill \
	tests/test_mfg_ledger_stations \
	tests/test_mfg_manifest \
	tests/test_mfg_names \
	tests/test_mfg_outputs \
	tests/test_mfg_pass \
	tests/test_mfg_plan \
	tests/test_mfg_units \
	tests/test_mfg_units_flash \
	tests/test_mfg_units_keys \
	tests/test_mfg_units_listed \
	tests/test_mfg_verify \
	tests/test_mfg_verify_options \
	tests/test_mfg_wifi \
	tests/test_nvs_blob \
	tests/test_nvs_check \
	tests/test_nvs_check_data \
	tests/test_nvs_check_entries \
	tests/test_nvs_check_values \
	tests/test_nvs_crypt \
	tests/test_nvs_damage \
	tests/test_nvs_fit \
	tests/test_nvs_golden \
	tests/test_report_data \
	tests/test_nvs_image \
	tests/test_nvs_key \
	tests/test_nvs_look \
	tests/test_nvs_names \
	tests/test_nvs_reader \
	tests/test_nvs_reader_blob

check_PROGRAMS += $(unit_tests) golden_efuse golden_nvs json_schema ledger_fill \
	ledger_many line_crash live_show make_elf resume_kill tcp_cut \
	tests/test_mfg_ledger_lost \
	tests/test_mfg_ledger_pg
TESTS += $(unit_tests) $(test_scripts)
else
check-local:
	@echo 'CUnit is missing: no tests can be run (./bootstrap.sh deps installs it)'; exit 1
endif

LDADD = libespmfg_all.la -lcunit $(EM_LIBS)

# These also look at a server by themselves.
tests_test_mfg_ledger_claim_LDADD = $(LDADD) $(PQ_LIBS)
tests_test_mfg_ledger_faults_LDADD = $(LDADD) $(PQ_LIBS)
tests_test_mfg_ledger_kill_LDADD = $(LDADD) $(PQ_LIBS)
tests_test_mfg_ledger_lost_LDADD = $(LDADD) $(PQ_LIBS)
tests_test_mfg_ledger_pg_LDADD = $(LDADD) $(PQ_LIBS)
tests_test_mfg_ledger_stations_LDADD = $(LDADD) $(PQ_LIBS)

tests_test_report_data_LDADD = libreport.la $(LDADD) -lm
tests_test_line_feed_LDADD = libline.la $(LDADD)
tests_test_line_hooks_LDADD = libline.la $(LDADD)
tests_test_line_before_SOURCES = tests/test_line_before.c src/cli.c src/cli_words.c
tests_test_line_before_LDADD = libline.la $(LDADD)
tests_test_line_fail_SOURCES = tests/test_line_fail.c src/cli.c src/cli_words.c
tests_test_line_fail_LDADD = libline.la $(LDADD)
tests_test_line_kill_SOURCES = tests/test_line_kill.c src/cli.c src/cli_words.c
tests_test_line_kill_LDADD = libline.la $(LDADD)
tests_test_line_run_SOURCES = tests/test_line_run.c src/cli.c src/cli_words.c
tests_test_line_run_LDADD = libline.la $(LDADD)
tests_test_line_view_lines_LDADD = libline.la $(LDADD)
tests_test_line_view_http_LDADD = libline.la $(LDADD)
tests_test_line_view_term_LDADD = libline.la $(LDADD)
tests_test_line_job_SOURCES        = tests/test_line_job.c src/cli_words.c
tests_test_line_job_LDADD          = libline.la $(LDADD) $(CYAML_LIBS)
tests_test_line_job_before_SOURCES = tests/test_line_job_before.c src/cli_words.c
tests_test_line_job_before_LDADD   = libline.la $(LDADD) $(CYAML_LIBS)
tests_test_line_job_faults_SOURCES = tests/test_line_job_faults.c src/cli_words.c
tests_test_line_job_faults_LDADD   = libline.la $(LDADD) $(CYAML_LIBS)
tests_test_line_station_SOURCES    = tests/test_line_station.c src/cli_words.c
tests_test_line_station_LDADD      = libline.la $(LDADD) $(CYAML_LIBS)

golden_efuse_SOURCES = tests/golden_efuse.c tests/program_util.h
golden_efuse_LDADD   = $(CRYPTO_LIBS) $(JANSSON_LIBS)

golden_nvs_SOURCES = tests/golden_nvs.c
golden_nvs_LDADD   = $(CRYPTO_LIBS) $(JANSSON_LIBS)

json_schema_SOURCES = tests/json_schema.c
json_schema_LDADD   = $(JANSSON_LIBS)

ledger_fill_SOURCES = tests/ledger_fill.c
ledger_fill_LDADD   = libespmfg_all.la $(EM_LIBS)
live_show_SOURCES = tests/live_show.c
live_show_LDADD = libline.la libespmfg_all.la $(EM_LIBS) $(CYAML_LIBS)
ledger_many_SOURCES = tests/ledger_many.c
ledger_many_LDADD   = libespmfg_all.la $(EM_LIBS) -lm

# A network that can be cut.
tcp_cut_SOURCES = tests/tcp_cut.c
tcp_cut_LDADD   =

# The whole of it: EM_SEED, EM_BOARDS, EM_KILLS, EM_CUTS, and with stations EM_SERVER_KILLS,
# EM_NET_CUTS.
line_crash_SOURCES = tests/crash/crash.c tests/crash/crash.h tests/crash/hits.c \
	tests/crash/proof.c tests/crash/run.c tests/crash/server.c tests/crash/storm.c \
	tests/crash/world.c tests/program_util.h
line_crash_LDADD   = libespmfg_all.la $(EM_LIBS)

crash: mfg_flash$(EXEEXT) mfg_sim$(EXEEXT) line_crash$(EXEEXT)
	./line_crash ./mfg_flash ./mfg_sim $(top_srcdir)/samples "$(EM_SEED)" \
	  $${EM_BOARDS:-32} $${EM_KILLS:-300} $${EM_CUTS:-300}

crash-stations: mfg_flash$(EXEEXT) mfg_sim$(EXEEXT) line_crash$(EXEEXT) tcp_cut$(EXEEXT)
	top_srcdir=$(top_srcdir) top_builddir=. MFG_FLASH=./mfg_flash MFG_SIM=./mfg_sim \
	  EM_SEED="$(EM_SEED)" EM_BOARDS=$${EM_BOARDS:-64} EM_KILLS=$${EM_KILLS:-100} \
	  EM_CUTS=$${EM_CUTS:-100} EM_SERVER_KILLS=$${EM_SERVER_KILLS:-20} \
	  EM_NET_CUTS=$${EM_NET_CUTS:-100} $(srcdir)/tests/line_stations.sh

make_elf_SOURCES = tests/make_elf.c tests/make_elf.h
make_elf_LDADD   =

resume_kill_SOURCES = tests/resume_kill.c tests/program_util.h
resume_kill_LDADD   =

# Benchmarks: measured, not tested.
EXTRA_PROGRAMS += bench_efuse bench_flash bench_generate bench_line bench_verify
bench_efuse_SOURCES    = tests/bench/bench_efuse.c tests/bench/bench_sim.h
bench_efuse_LDADD      =
bench_flash_SOURCES    = tests/bench/bench_flash.c tests/bench/bench_sim.h
bench_flash_LDADD      =
bench_generate_SOURCES = tests/bench/bench_generate.c tests/bench/bench_util.h
bench_generate_LDADD   =
bench_line_SOURCES     = tests/bench/bench_line.c tests/bench/bench_sim.h tests/http_util.h
bench_line_LDADD       =
bench_verify_SOURCES   = tests/bench/bench_verify.c tests/bench/bench_util.h
bench_verify_LDADD     =

bench: mfg_gen$(EXEEXT) mfg_flash$(EXEEXT) mfg_sim$(EXEEXT) \
    bench_efuse$(EXEEXT) bench_flash$(EXEEXT) \
    bench_generate$(EXEEXT) bench_line$(EXEEXT) bench_verify$(EXEEXT)
	./bench_generate ./mfg_gen
	./bench_generate ./mfg_gen --memory
	./bench_verify ./mfg_gen
	./bench_flash ./mfg_flash ./mfg_sim
	./bench_efuse ./mfg_flash ./mfg_sim
	./bench_line ./mfg_flash ./mfg_sim $(top_srcdir)/samples

# Fuzzing, with clang's libFuzzer. FUZZ_SECONDS for each target. The library is compiled
# once for all of them; as many processes as there are processors work at a time.
FUZZ_SECONDS = 60
fuzz_targets = config values key reader image loader sim efuse script job http
fuzz_sources = $(libespmfg_all_la_SOURCES) $(nodist_libespmfg_all_la_SOURCES) \
	src/cli_words.c src/line/event_json.c \
	src/line/http_mhd.c src/line/http_rules.c src/line/http_state.c src/line/live.c src/line/view_http.c \
	src/line/job.c src/line/job_before.c src/line/job_crypt.c src/line/job_images.c \
	src/line/job_plan.c src/line/job_schema.c src/line/job_steps.c src/line/job_text.c \
	src/line/job_units.c src/line/job_walk.c src/line/job_yaml.c src/line/names.c \
	src/line/station.c src/line/steps.c
fuzz_compile = $(CLANG) -std=c11 -g -O1 -fno-sanitize-recover=undefined $(DEFS) \
	$(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(DEFLATE_CFLAGS) $(ELF_CFLAGS) \
	$(JANSSON_CFLAGS) $(LUA_CFLAGS) $(PQ_CFLAGS) $(SERIALPORT_CFLAGS) $(SQLITE_CFLAGS) \
	$(ZLIB_CFLAGS) $(CYAML_CFLAGS) $(MICROHTTPD_CFLAGS)

fuzz/library.a: $(fuzz_sources)
	rm -rf fuzz/objects && $(MKDIR_P) fuzz/objects
	printf '%s\n' $^ | grep '\.c$$' | xargs -P "$$(nproc)" -I '{}' sh -c 'exec $(fuzz_compile) \
	  -fsanitize=fuzzer-no-link,address,undefined -c "$$1" \
	  -o "fuzz/objects/lib$$(echo "$$1" | tr / _).o"' sh '{}'
	rm -f $@ && $(AR) cr $@ fuzz/objects/*.o

# One target: what it printed stands in fuzz/TARGET.log.
fuzz_one = $(fuzz_compile) -fsanitize=fuzzer,address,undefined -o fuzz/fuzz_$$1 \
	$(top_srcdir)/tests/fuzz/fuzz_$$1.c fuzz/library.a $(EM_LIBS) $(CYAML_LIBS) -lpthread && \
	$(MKDIR_P) fuzz/corpus_$$1 && \
	if ./fuzz/fuzz_$$1 -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	  -artifact_prefix=fuzz/ fuzz/corpus_$$1 $(top_srcdir)/tests/fuzz/corpus/$$1 \
	  >fuzz/$$1.log 2>&1; \
	then echo "fuzz_$$1: $$(grep -a ^Done fuzz/$$1.log), nothing found"; \
	else tail -n 60 fuzz/$$1.log; echo "fuzz_$$1: FAILED"; exit 1; fi

fuzz: fuzz/library.a
	printf '%s\n' $(fuzz_targets) | xargs -P "$$(nproc)" -I '{}' sh -c '$(fuzz_one)' sh '{}'

.PHONY: bench crash crash-stations fuzz
CLEANFILES += bench_efuse$(EXEEXT) bench_flash$(EXEEXT) bench_generate$(EXEEXT) bench_line$(EXEEXT) bench_verify$(EXEEXT)
clean-local:
	rm -rf fuzz docs/html live-screens report-screens
