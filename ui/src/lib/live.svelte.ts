// One stream of what is new, for all views. The browser resumes by Last-Event-ID itself.
type Topic = 'incident' | 'alert' | 'health'

const listeners: Record<string, Set<(data: unknown) => void>> = {}
let source: EventSource | null = null
let timer: Record<string, number> = {}

export const live = $state({
	state: 'off' as 'off' | 'on' | 'lost',
	last: 0,
	/** Calls run for each new thing of a topic, at most four times a second. Returns its undoing. */
	on(topic: Topic, run: (data: unknown) => void) {
		;(listeners[topic] ??= new Set()).add(run)
		return () => void listeners[topic].delete(run)
	},
})

function tell(topic: string, data: string) {
	live.last = Date.now()
	if (timer[topic]) return
	timer[topic] = window.setTimeout(() => {
		delete timer[topic]
		let value: unknown = data
		try {
			value = JSON.parse(data)
		} catch {
			// a bare word is passed on as it is
		}
		for (const run of listeners[topic] ?? []) run(value)
	}, 250)
}

export function connect() {
	if (source) return
	source = new EventSource('/api/v1/stream')
	source.onopen = () => (live.state = 'on')
	source.onerror = () => (live.state = 'lost')
	for (const t of ['incident', 'alert', 'health']) source.addEventListener(t, (e) => tell(t, (e as MessageEvent).data))
}

export function disconnect() {
	source?.close()
	source = null
	live.state = 'off'
}
