// Pictures of every view in both themes, for a person to look at, and one sheet of all for each theme. Usage: node shots.mjs URL FOLDER [VIEW,...] of a running
// `thymus demo`.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'
const [url, out, only] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] })
const inc = (await (await fetch(url + 'api/v1/incidents?limit=20')).json()).items
const big = inc[0].id, web = inc.find((i) => /srv-web2/.test(i.title))?.id ?? big
const phish = inc.find((i) => /link was sent/.test(i.title))?.id ?? big
const ot = inc.find((i) => /OT network/.test(i.title))?.id ?? big
const dev = (await (await fetch(url + 'api/v1/entities?q=srv-web2')).json()).items?.[0]?.name ?? 'srv-web2'
const first = (await (await fetch(url + 'api/v1/incidents/' + web)).json()).steps.find((s) => s.model === 'workload/masquerade')?.event_ids[0] ?? ''
const mails = (await (await fetch(url + 'api/v1/incidents/' + phish)).json()).event_ids
let mail = ''
for (const id of mails) if (!mail && (await (await fetch(url + 'api/v1/events/' + encodeURIComponent(id))).json()).items?.[0]?.type.startsWith('email')) mail = id
const views = { queue: '', sel: `?sel=${web}`, story: `incidents/${web}`, aws: `incidents/${big}`, ot: `incidents/${ot}`, compliance: `compliance?sel=${ot}`, explore: 'explore', exploreq: `explore?filter=${encodeURIComponent('entity = ' + dev + ' and dst_endpoint.port in (80, 3333)')}`, attack: 'models?view=attack', event: '?sel=' + web + '&event=' + encodeURIComponent(first), mail: '?sel=' + phish + '&event=' + encodeURIComponent(mail),
	entities: 'entities', entity: `entities/${encodeURIComponent(dev)}`, entity2: 'entities/toftf', map: 'map', mapd: `map?entity=${dev}`, models: 'models', health: 'health', admin: 'admin', signin: '' }
for (const theme of ['dark', 'light']) {
	const ctx = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: theme })
	const page = await ctx.newPage()
	page.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.log(theme, page.url(), m.text()))
	await page.addInitScript((t) => localStorage.setItem('theme', t), theme)
	for (const [n, p] of Object.entries(views)) {
		if (only && !only.split(',').includes(n)) continue
		const t = Date.now()
		if (n === 'signin') await page.route('**/api/v1/session', (r) => r.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"title":"Sign in first"}' }))
		await page.goto(url + p)
		await page.waitForLoadState('load')
		await page.waitForTimeout(1800)
		const h = await page.evaluate(() => { const m = document.querySelector('#main'); return m ? m.scrollHeight : 0 })
		await page.screenshot({ path: `${out}/${n}-${theme}.png` })
		if (h > 900 && theme === 'dark') { await page.setViewportSize({ width: 1440, height: Math.min(h + 60, 3200) }); await page.waitForTimeout(600); await page.screenshot({ path: `${out}/${n}-${theme}-full.png` }); await page.setViewportSize({ width: 1440, height: 900 }) }
		console.log(theme, n, Date.now() - t, 'ms', h)
	}
	await ctx.close()
}
// All of a theme on one sheet.
for (const theme of only ? [] : ['dark', 'light']) {
	const page = await browser.newPage({ viewport: { width: 1480, height: 900 } })
	const cells = Object.keys(views).map((n) => `<figure><img src="data:image/png;base64,${readFileSync(`${out}/${n}-${theme}.png`).toString('base64')}"><figcaption>${n}</figcaption></figure>`)
	await page.setContent(`<body style="margin:0;display:grid;grid-template-columns:repeat(3,480px);gap:8px 20px;font:13px system-ui;background:#888"><style>figure{margin:0}img{width:480px;display:block}</style>${cells.join('')}</body>`)
	await page.screenshot({ path: `${out}/all-${theme}.jpg`, type: 'jpeg', quality: 72, fullPage: true })
	await page.close()
}
await browser.close()
