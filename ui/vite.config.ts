import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// Everything the page needs is in dist/: no outside request, no inline script or style, names
// with content hashes (the daemon lets browsers keep them for ever).
export default defineConfig({
	plugins: [svelte()],
	base: '/',
	build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
	worker: { format: 'es' },
	server: { proxy: { '/api': 'http://127.0.0.1:8765' } },
})
