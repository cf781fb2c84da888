// The URL is the state of the page: a path and a query. Links are plain <a href>, so that they
// can be copied, opened in a new tab and gone back from.

function read() {
	return { path: location.pathname, query: new URLSearchParams(location.search) }
}

export const route = $state(read())

function apply() {
	const now = read()
	route.path = now.path
	route.query = now.query
}

export function go(to: string, replace = false) {
	if (to === location.pathname + location.search) return
	history[replace ? 'replaceState' : 'pushState'](null, '', to)
	apply()
}

/** The present address with some of its query changed; null takes a key away. */
export function withQuery(change: Record<string, string | null>, path = route.path) {
	const q = new URLSearchParams(path === route.path ? route.query : undefined)
	for (const [k, v] of Object.entries(change)) v === null || v === '' ? q.delete(k) : q.set(k, v)
	const s = q.toString()
	return path + (s ? '?' + s : '')
}

export function setQuery(change: Record<string, string | null>, replace = false) {
	go(withQuery(change), replace)
}

addEventListener('popstate', apply)
addEventListener('click', (e) => {
	if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey) return
	const a = (e.target as Element).closest('a')
	if (!a || a.target || a.hasAttribute('download') || a.origin !== location.origin) return
	if (a.pathname.startsWith('/api/')) return
	e.preventDefault()
	go(a.pathname + a.search)
})
