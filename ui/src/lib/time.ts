import { prefs } from './prefs.svelte'

const two = (n: number) => String(n).padStart(2, '0')

/** The name of the zone that times are shown in: "UTC", "UTC+2". */
export function zoneName(at = new Date()) {
	if (prefs.utc) return 'UTC'
	const m = -at.getTimezoneOffset()
	const h = Math.floor(Math.abs(m) / 60)
	return `UTC${m < 0 ? '-' : '+'}${h}${m % 60 ? ':' + two(Math.abs(m) % 60) : ''}`
}

function parts(t: Date) {
	return prefs.utc
		? [t.getUTCFullYear(), t.getUTCMonth() + 1, t.getUTCDate(), t.getUTCHours(), t.getUTCMinutes(), t.getUTCSeconds()]
		: [t.getFullYear(), t.getMonth() + 1, t.getDate(), t.getHours(), t.getMinutes(), t.getSeconds()]
}

export type When = string | number | undefined | null

export function date(t: When) {
	if (t === undefined || t === null || t === '') return ''
	const [y, mo, d] = parts(new Date(t))
	return `${y}-${two(mo)}-${two(d)}`
}

export function clock(t: When) {
	if (t === undefined || t === null || t === '') return ''
	const [, , , h, m, s] = parts(new Date(t))
	return `${two(h)}:${two(m)}:${two(s)}`
}

export const stamp = (t: When) => (t === undefined || t === null || t === '' ? '' : `${date(t)} ${clock(t)}`)

/** "3 s", "12 min", "5 h", "9 days" for a number of milliseconds. */
export function span(ms: number) {
	const s = Math.round(ms / 1000)
	if (s < 100) return `${s} s`
	if (s < 5400) return `${Math.round(s / 60)} min`
	if (s < 2 * 86400) return `${Math.round(s / 3600)} h`
	return `${Math.round(s / 86400)} days`
}
