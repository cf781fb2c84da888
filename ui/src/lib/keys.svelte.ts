import { untrack } from 'svelte'

// Keys of the page. A view names its keys while it is shown; "?" shows them all.
export interface Key {
	key: string
	text: string
	run: () => void
}

let next = 0
const sets = $state<{ id: number; title: string; keys: Key[] }[]>([])
export const keySets = sets

/** Used inside $effect: return its value, so that the keys go when the view goes. */
export function keys(title: string, list: Key[]) {
	const id = ++next
	// An effect that names its keys does not depend on what keys there are.
	untrack(() => sets.push({ id, title, keys: list }))
	return () => {
		const i = sets.findIndex((s) => s.id === id)
		if (i >= 0) sets.splice(i, 1)
	}
}

let prefix = ''
let prefixAt = 0

function typing(t: EventTarget | null) {
	return t instanceof HTMLElement && (t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName))
}

addEventListener('keydown', (e) => {
	if (e.ctrlKey || e.metaKey || e.altKey) return
	if (typing(e.target)) {
		if (e.key === 'Escape') (e.target as HTMLElement).blur()
		return
	}
	const seq = prefix && e.timeStamp - prefixAt < 1200 ? `${prefix} ${e.key}` : e.key
	prefix = ''
	for (const s of [...sets].reverse()) {
		const k = s.keys.find((k) => k.key === seq)
		if (k) {
			e.preventDefault()
			k.run()
			return
		}
	}
	if (sets.some((s) => s.keys.some((k) => k.key.startsWith(e.key + ' ')))) {
		prefix = e.key
		prefixAt = e.timeStamp
	}
})
