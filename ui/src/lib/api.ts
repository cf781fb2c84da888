// The daemon's API, as docs/openapi.yaml describes it. Every answer that is no success throws a
// Problem with the server's own words (RFC 9457).
import type * as T from './types'

export class Problem extends Error {
	constructor(
		readonly status: number,
		title: string,
		readonly detail = '',
	) {
		super(detail ? `${title}: ${detail}` : title)
	}
}

let csrf = ''
export function setCsrf(token: string) {
	csrf = token
}

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
	let r: Response
	try {
		r = await fetch('/api/v1' + path, {
			method,
			credentials: 'same-origin',
			headers: {
				accept: 'application/json',
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
				...(method === 'GET' ? {} : { 'x-csrf-token': csrf }),
				...headers,
			},
			body: body === undefined ? undefined : JSON.stringify(body),
		})
	} catch {
		throw new Problem(0, 'The server cannot be reached')
	}
	if (r.ok) return r
	let title = r.statusText || `Error ${r.status}`
	let detail = ''
	try {
		const p = await r.json()
		title = p.title ?? title
		detail = p.detail ?? ''
	} catch {
		// no body: the status says enough
	}
	if (r.status === 401) dispatchEvent(new Event('signed-out'))
	throw new Problem(r.status, title, detail)
}

type Query = Record<string, string | number | undefined | null>

export function query(q: Query) {
	const p = new URLSearchParams()
	for (const [k, v] of Object.entries(q)) if (v !== undefined && v !== null && v !== '') p.set(k, String(v))
	const s = p.toString()
	return s ? '?' + s : ''
}

const get = async <R>(path: string, q: Query = {}): Promise<R> => (await ask('GET', path + query(q))).json()
const id = encodeURIComponent

export const api = {
	get,
	list: <R>(what: string, q: Query = {}) => get<T.Page<R>>('/' + what, q),
	/** With its ETag, so that a verdict is of what was read. */
	incident: async (i: string): Promise<T.Incident> => {
		const r = await ask('GET', '/incidents/' + id(i))
		return { ...(await r.json()), etag: r.headers.get('etag') ?? undefined }
	},
	alert: (i: string) => get<T.Alert>('/alerts/' + id(i)),
	entity: (name: string) => get<T.Entity>('/entities/' + id(name)),
	event: (i: string) => get<{ items: T.EventRecord[]; findings: T.EventFinding[] }>('/events/' + id(i)),
	process: (i: string) => get<{ processes: T.Process[]; more: boolean }>('/events/' + id(i) + '/process'),
	map: (q: Query) => get<T.MapPart>('/map', q),
	suppressions: (q: Query = {}) => get<{ items: T.Suppression[] }>('/suppressions', q),
	posture: (q: Query = {}) => get<{ at: string; items: T.Weakness[] }>('/posture', q),
	post: async <R>(path: string, body: unknown, headers = {}): Promise<R> => {
		const r = await ask('POST', path, body, headers)
		return r.status === 204 ? (undefined as R) : r.json()
	},
	/** What is changed has to be what was read: its etag. */
	patch: (path: string, body: unknown, etag: string) => ask('PATCH', path, body, { 'if-match': etag }),
	del: (path: string, etag: string) => ask('DELETE', path, undefined, { 'if-match': etag }),
	/** The whole list under the same filter, as a file. */
	exportUrl: (what: string, q: Query, format: 'csv' | 'ndjson') => `/api/v1/${what}${query({ ...q, format })}`,
}
