// Who is signed in, and what that role may do. The server decides; the page only hides what
// would be refused.
import { api, setCsrf } from './api'

// Which rights a role has (store/users.h).
const rights: Record<string, string[]> = {
	viewer: ['viewer'],
	analyst: ['viewer', 'analyst'],
	responder: ['viewer', 'analyst', 'responder'],
	'model-editor': ['viewer', 'analyst', 'model-editor'],
	auditor: ['viewer', 'auditor'],
	admin: ['viewer', 'analyst', 'responder', 'model-editor', 'auditor', 'admin'],
}

interface Session {
	user?: string
	roles?: string[]
	csrf?: string
	masked?: boolean
}

export const me = $state({
	state: 'asking' as 'asking' | 'in' | 'out' | 'away',
	user: '',
	roles: [] as string[],
	/** names of persons and raw records are kept from this role */
	masked: false,
	can(right: string) {
		return me.roles.some((r) => rights[r]?.includes(right))
	},
})

function take(s: Session) {
	setCsrf(s.csrf ?? '')
	me.user = s.user ?? ''
	me.roles = s.roles ?? []
	me.masked = s.masked ?? false
	me.state = 'in'
}

export async function whoami() {
	try {
		take(await api.get<Session>('/session'))
	} catch (e) {
		me.state = (e as { status?: number }).status === 0 ? 'away' : 'out'
	}
}

export async function signIn(user: string, password: string) {
	take(await api.post<Session>('/session', { user, password }))
}

export async function setUp(secret: string, user: string, password: string) {
	take(await api.post<Session>('/setup', { secret, user, password }))
}

export async function changePassword(password: string, next: string) {
	take(await api.post<Session>('/session/password', { password, new: next }))
}

export async function signOut() {
	await api.del('/session', '*')
	me.state = 'out'
}

addEventListener('signed-out', () => (me.state = 'out'))
