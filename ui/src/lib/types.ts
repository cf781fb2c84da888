// The shapes the API gives (docs/openapi.yaml); findings are as in the findings file.
export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical'
export type Queue = 'threat' | 'compliance'

export interface Page<R> {
	items: R[]
	next?: string
	total?: number
}

export interface Why {
	quantity: string
	usual: string
	seen: string
	surprise: number
	days?: number
	peers_same?: number
	peers?: number
	text?: string
	event_ids?: string[]
}

export interface Step {
	time: string
	last?: string
	kind: string
	phase?: string
	attack?: string[]
	text: string
	model?: string
	severity?: Level
	alert_id?: string
	response?: string
	event_ids: string[]
	entities?: string[]
	count?: number
}

export interface Answer {
	id: string
	question: string
	about?: string
	answer: 'yes' | 'no' | 'unknown'
	text: string
	event_ids?: string[]
}

export interface Verdict {
	verdict: string
	note?: string
	by?: string
	time?: string
}

export interface IncidentRow {
	id: string
	title: string
	time: string
	updated?: string
	severity: Level
	score: number
	queue: Queue
	status: string
	verdict?: string
	entities?: string[]
	alerts?: number
}

export interface Incident {
	id: string
	title: string
	time: string
	updated?: string
	severity: Level
	score: number
	queue: Queue
	status: string
	merged_into?: string
	summary: string
	entities: string[]
	alert_ids: string[]
	event_ids: string[]
	attack?: string[]
	steps: Step[]
	why?: Why[]
	indicators?: string[]
	next?: string[]
	response?: string[]
	questions?: Answer[]
	hypotheses?: { name: string; text: string; weight: number; share: number }[]
	story?: { part: string; text: string; event_ids?: string[] }[]
	edges?: { from: string; to: string; by: string; time: string; event_ids?: string[] }[]
	verdict?: Verdict
	etag?: string
}

export interface Alert {
	id: string
	title: string
	time: string
	severity: Level
	score: number
	model: string
	queue?: Queue
	entities: string[]
	event_ids: string[]
	attack?: string[]
	why?: Why[]
}

export interface Entity {
	name: string
	kind: string
	class?: string
	first_seen?: string
	last_seen?: string
	events?: number
	names?: string[]
	facts?: Record<string, string>
	hours?: number[]
	normal?: { quantity: string; text: string; values?: { value: string; share?: number; last?: string }[] }[]
	rhythms?: { peer: string; period_s: number; times?: string[] }[]
	alerts?: Alert[]
	incidents?: IncidentRow[]
}

export interface EventRow {
	id: string
	time: string
	type: string
	class?: string
	entities?: string[]
	text?: string
}

export interface Suppression {
	id: string
	status: 'proposed' | 'applied'
	title: string
	until: string
	incident: string
	by: string
	rules: string
	scope: string
	count: number
	last?: string
	etag: string
}

export interface Process {
	depth: number
	time: string
	event_id: string
	path?: string
	cmd_line?: string
	uid?: string
	user?: string
}

export interface MapPlace {
	id: string
	kind: string
	type: string
	name: string
	class: string
	first_seen: string
	last_seen?: string
	events?: number
	hop: number
	start: boolean
	more: number
	owner?: string
	created?: string
	deleted?: string
	internet_first?: string
	internet_last?: string
}

export interface MapTie {
	from: string
	to: string
	kind: string
	text: string
	first_seen: string
	last_seen: string
	events: number
	bytes_out: number
	bytes_in: number
	hours: number
	what: string[]
}

export interface MapPart {
	at: string
	within_s: number
	forgotten: number
	kinds: { kind: string; type: string; places: number }[]
	places: MapPlace[]
	ties: MapTie[]
}

export interface Weakness {
	kind: string
	name: string
	model: string
	title: string
	first_seen: string
	last_seen: string
	times: number
	event_id: string
}

export interface EventRecord extends EventRow {
	known?: string
	attributes?: Record<string, unknown>
	raw?: string
}

export interface EventFinding {
	kind: string
	id: string
	title: string
}
