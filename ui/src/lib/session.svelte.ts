// Who is signed in, and what that role may do. The server decides; the page only hides what
// would be refused.
import { api, setCsrf } from './api'

const rank = ['viewer', 'analyst', 'responder', 'model-editor', 'admin']

interface Session {
	user?: string
	roles?: string[]
	csrf?: string
}

export const me = $state({
	state: 'asking' as 'asking' | 'in' | 'out' | 'away',
	user: '',
	roles: [] as string[],
	can(role: string) {
		return me.roles.includes(role) || me.roles.some((r) => rank.indexOf(r) >= rank.indexOf(role) && rank.includes(role))
	},
})

function take(s: Session) {
	setCsrf(s.csrf ?? '')
	me.user = s.user ?? ''
	me.roles = s.roles ?? []
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

export async function signOut() {
	await api.del('/session')
	me.state = 'out'
}

addEventListener('signed-out', () => (me.state = 'out'))
