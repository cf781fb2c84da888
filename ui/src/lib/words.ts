// Kinds of entities in words that people use.
const plural: Record<string, string> = { endpoint: 'outside endpoints', internet: 'the internet', image: 'programs' }
const singular: Record<string, string> = { endpoint: 'outside endpoint', image: 'program', ot: 'OT' }

export const one = (kind: string) => singular[kind] ?? kind
export const many = (kind: string) => plural[kind] ?? (kind.endsWith('y') ? kind.slice(0, -1) + 'ies' : kind + 's')

/** "device (server)"; a class that is not known says nothing. */
export const kindAndClass = (kind: string, cls?: string) => one(kind) + (cls && cls !== kind && cls !== 'unknown' && cls !== 'external' ? ` (${one(cls)})` : '')
