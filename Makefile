# Short names for what Meson does. `make` builds build/thymus.
B ?= build
MESON_FLAGS ?=
.PHONY: all test lint fmt asan tsan fuzz bench cov clean
all: $(B)/build.ninja
	@ninja -C $(B) >$(B)/make.log 2>&1 || { tail -40 $(B)/make.log; false; }
$(B)/build.ninja:
	@meson setup $(B) --buildtype=release -Db_lto=false $(MESON_FLAGS) >/dev/null
test: all
	tools/run-tests $(B)
lint:
	tools/check-all
fmt:
	find src tests fuzz bench -name '*.[ch]' | xargs clang-format -i
asan:
	@test -d build-asan || CC=clang meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	ninja -C build-asan >/dev/null && tools/run-tests build-asan
tsan:
	@test -d build-tsan || CC=clang meson setup build-tsan -Db_sanitize=thread -Db_lundef=false >/dev/null
	ninja -C build-tsan >/dev/null && tools/run-tests build-tsan
fuzz:
	tools/fuzz $(SECONDS_EACH)
bench: all
	bench/run $(B)
cov:
	@command -v gcovr >/dev/null || { echo 'make cov needs gcovr (apt install gcovr)'; false; }
	@test -d build-cov || meson setup build-cov -Db_coverage=true >/dev/null
	ninja -C build-cov >/dev/null && tools/run-tests build-cov && gcovr -r . --object-directory build-cov src
clean:
	rm -rf build build-asan build-tsan build-cov build-fuzz
