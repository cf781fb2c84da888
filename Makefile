# Short names for what Meson does. `make` builds build/thymus.
B ?= build
MESON_FLAGS ?=
.PHONY: all ui test lint fmt asan tsan fuzz bench cov clean
all: $(B)/build.ninja
	@ninja -C $(B) >$(B)/make.log 2>&1 || { tail -40 $(B)/make.log; false; }
$(B)/build.ninja:
	@meson setup $(B) --buildtype=release -Db_lto=false $(MESON_FLAGS) >/dev/null
# The page, into ui/dist; packed beside, so that the server need not. Needs npm.
ui: ui/node_modules
	@cd ui && npx vite build --logLevel warn && find dist -type f -size +1k -exec gzip -9kfn {} +
ui/node_modules: ui/package.json ui/package-lock.json
	@cd ui && npm ci --no-audit --no-fund --loglevel error && touch node_modules
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
	@test ! -d "$${THYMUS_DATA:-../shared/data}/network" || bench/packet/run $(B)
cov:
	@command -v gcovr >/dev/null || { echo 'make cov needs gcovr (apt install gcovr)'; false; }
	@test -d build-cov || meson setup build-cov -Db_coverage=true >/dev/null
	ninja -C build-cov >/dev/null && tools/run-tests build-cov && gcovr -r . --object-directory build-cov src
clean:
	rm -rf build build-asan build-tsan build-cov build-fuzz
