// What one person likes; kept in the browser only.
type Theme = 'dark' | 'light'

function stored<T extends string>(key: string, fallback: T): T {
	try {
		return (localStorage.getItem(key) as T) ?? fallback
	} catch {
		return fallback
	}
}

const system: Theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
export const prefs = $state({
	theme: stored<Theme>('theme', system),
	utc: stored<'utc' | 'local'>('zone', 'utc') === 'utc',
})

export function setTheme(t: Theme) {
	prefs.theme = t
	document.documentElement.dataset.theme = t
	try {
		localStorage.setItem('theme', t)
	} catch {
		// a browser without storage forgets it: no harm
	}
}

export function setUtc(utc: boolean) {
	prefs.utc = utc
	try {
		localStorage.setItem('zone', utc ? 'utc' : 'local')
	} catch {
		// as above
	}
}

document.documentElement.dataset.theme = prefs.theme
/** A colour of the present theme, for canvases. */
export function colour(name: string) {
	return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()
}
