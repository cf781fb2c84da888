// One walk through the page as an analyst takes it. Usage: node page.mjs URL PROFILE-FOLDER
// SECRET (of the set-up link). Prints TAP.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const [url, profile, secret] = process.argv.slice(2)
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
let n = 0
let bad = 0
function check(name, ok, detail = '') {
	console.log(`${ok ? 'ok' : 'not ok'} ${++n} - ${name}`)
	if (!ok) {
		bad = 1
		console.log('# ' + JSON.stringify(detail).slice(0, 400))
	}
}

const browser = await chromium.launchPersistentContext(profile, {
	executablePath: '/usr/bin/chromium',
	viewport: { width: 1440, height: 900 },
	colorScheme: 'dark',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const page = await browser.newPage()
const said = []
const outside = []
page.on('console', (m) => ['error', 'warning'].includes(m.type()) && said.push(m.text()))
page.on('pageerror', (e) => said.push(e.message))
page.on('request', (r) => !r.url().startsWith(url) && !r.url().startsWith('data:') && outside.push(r.url()))

async function serious(where) {
	// The debugger's own way in is not held to the page's content policy.
	const found = await page.evaluate(`(async () => { ${axe}; return (await axe.run()).violations })()`)
	const list = found.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => [v.id, v.nodes[0].html, v.nodes[0].failureSummary])
	check(`axe finds nothing serious: ${where}`, list.length === 0, list)
}

const password = 'correct horse battery staple'
async function signIn(p, name, pass) {
	await p.getByLabel('Name').fill(name)
	await p.getByLabel('Password').fill(pass)
	await p.getByRole('button', { name: 'Sign in' }).click()
}

try {
	await page.goto(url + 'incidents')
	await page.getByRole('button', { name: 'Sign in' }).waitFor()
	check('a stranger is asked to sign in', (await page.locator('nav').count()) === 0)
	await page.goto(url + 'setup#' + secret)
	await page.getByLabel('Name').fill('root')
	check('the secret left the address', !page.url().includes(secret), page.url())
	await serious('setting up')
	await page.getByLabel('Password').fill(password)
	await page.getByLabel('Once more').fill(password)
	await page.getByRole('button', { name: 'Begin' }).click()
	await page.waitForSelector('nav')
	const first = await page.evaluate(async () => {
		let sum = 0
		for (const r of performance.getEntriesByType('resource')) if (!r.name.includes('/api/')) sum += r.encodedBodySize
		return sum
	})
	check('the first load is at most 120 KB packed', first > 20000 && first <= 120 * 1024, first)
	check('the set-up link ends on the page', new URL(page.url()).pathname === '/', page.url())
	said.length = 0 // the browser tells of each 401
	await page.goto(url)
	await page.waitForSelector('[role=option]')
	const rows = await page.locator('[role=option]').count()
	check('the queue has the incidents of the sample', rows === 2, rows)
	check('no story is open yet', (await page.locator('article').count()) === 0)
	await page.keyboard.press('j')
	await page.waitForSelector('article h1')
	const title = await page.locator('article h1').innerText()
	check('j opens the story of the first', title.length > 10 && page.url().includes('sel='), title)
	await serious('a story, dark')
	check('what is proposed comes with its reason and its undoing', (await page.locator('[aria-label="Proposed response"] tbody tr').count()) > 0 && !(await page.locator('[aria-label="Proposed response"] tbody tr').first().innerText()).includes('undefined'))
	const proposal = await page.locator('[aria-label="Proposed response"] tr').filter({ hasText: 'remove inbox rule' }).locator('td').allInnerTexts()
	check('how it is undone is told once, as the story has it', proposal[0] === 'remove inbox rule: david' && proposal[3] === 'Make the rule again from the record of the call.', proposal)
	check('indicators are told', (await page.locator('article').innerText()).includes('203.0.113.140'))
	check('it says what was asked of the history', (await page.locator('.answers li').count()) > 3)
	await page.locator('.cites a').first().click()
	await page.waitForSelector('aside h2')
	check('a number opens its evidence, the raw record', (await page.locator('aside pre').first().textContent()).length > 50)
	check('the story stays beside it', (await page.locator('article h1').innerText()) === title)
	const shared = page.url()
	await page.keyboard.press('Escape')
	await page.waitForSelector('aside', { state: 'detached' })
	check('Escape closes it', true)
	const again = await browser.newPage()
	await again.goto(shared)
	await again.waitForSelector('aside h2')
	check('its address opens the same again', (await again.locator('article h1').innerText()) === title)
	await again.close()
	await page.getByRole('button', { name: 'test', exact: true }).click()
	await page.waitForFunction(() => document.body.innerText.includes('Recorded: test.'))
	await page.waitForFunction(() => document.body.innerText.includes('verdict: test'))
	check('a verdict is kept and shown', true)
	await page.waitForSelector('text=Need not be told again')
	const proposals = await page.getByRole('button', { name: 'Accept' }).count()
	await page.getByRole('button', { name: 'Accept' }).first().click()
	await page.waitForFunction(() => document.body.innerText.includes('Accepted:'))
	const fewer = await page
		.waitForFunction((n) => [...document.querySelectorAll('button')].filter((b) => b.innerText === 'Accept').length === n, proposals - 1)
		.then(() => true, () => false)
	check('what it proposes can be accepted', proposals > 0 && fewer, proposals)
	await page.keyboard.press('?')
	check('? shows the keys', await page.getByRole('heading', { name: 'Keys' }).isVisible())
	await page.keyboard.press('Escape')
	for (const [key, path] of [['e', '/explore'], ['n', '/entities'], ['m', '/map'], ['d', '/models'], ['h', '/health'], ['c', '/compliance']]) {
		await page.keyboard.press('g')
		await page.keyboard.press(key)
		await page.waitForTimeout(700)
		check(`g ${key} goes to ${path}`, new URL(page.url()).pathname === path, page.url())
		await serious(path)
	}
	await page.goto(url + 'models?view=attack')
	await page.waitForSelector('.matrix a.fired')
	check('coverage is shown by tactic, with what fired', (await page.locator('.matrix section').count()) > 8)
	await serious('the coverage')
	await page.goto(url + 'health')
	await page.waitForSelector('svg[aria-label^="Calibration"] circle')
	check('health tells of budget and calibration', (await page.locator('main').innerText()).includes('given of 3 asked') && (await page.locator('circle').count()) > 2)
	await serious('health with its figures')
	await page.goto(url + 'explore')
	const bar = page.getByLabel('Filter of events')
	await bar.fill('type = zeek.conn and traffic.bytes_out > 100000000')
	await page.keyboard.press('Enter')
	await page.waitForFunction(() => document.querySelectorAll('.rows [role=option]').length === 3)
	check('a filter by attributes finds what was sent away, and is in the address', page.url().includes('filter='), page.url())
	await page.waitForSelector('.chart canvas')
	await page.locator('.rows [role=option]').first().click()
	await page.waitForSelector('aside .act')
	check('a record says what cites it', (await page.locator('aside .cited li').count()) > 0)
	await page.getByLabel('without this dst_endpoint.port').first().click()
	await page.waitForSelector('text=No events match')
	check('a value of it narrows the filter', (await bar.inputValue()).includes('and not dst_endpoint.port = 443'), await bar.inputValue())
	await bar.fill('traffic.bytes_out >')
	await page.keyboard.press('Enter')
	await page.waitForSelector('text=a value is missing')
	check('what is wrong about a filter is told', true)
	said.length = 0 // the browser tells of the 400
	await page.goBack()
	await page.waitForSelector('text=No events match')
	check('back goes back', (await bar.inputValue()).includes('and not'), await bar.inputValue())
	await serious('explore')
	await page.emulateMedia({ reducedMotion: 'reduce' })
	check('less motion is honoured', await page.evaluate(() => [...document.querySelectorAll('*')].every((e) => getComputedStyle(e).animationName === 'none' && parseFloat(getComputedStyle(e).transitionDuration) === 0)))
	await page.getByRole('button', { name: 'Light' }).click()
	await page.goto(url + 'entities?q=pc-david')
	await page.getByRole('link', { name: 'pc-david', exact: true }).first().click()
	await page.waitForSelector('canvas')
	check('the theme is kept', (await page.evaluate(() => document.documentElement.dataset.theme)) === 'light')
	await serious('an entity, light')
	await page.getByRole('link', { name: 'On the map' }).click()
	await page.waitForSelector('.ties tbody a')
	check('an entity leads to its part of the map', (await page.locator('canvas').getAttribute('aria-label'))?.includes('pc-david'))
	const ties = await page.locator('.ties tbody tr').count()
	check('whose table says what the picture shows', ties > 0, ties)
	await serious('the map of an entity, light')
	await page.getByRole('button', { name: 'A day earlier' }).click()
	await page.waitForFunction(() => location.search.includes('at='))
	await page.waitForFunction(() => document.body.innerText.includes('As of') || document.body.innerText.includes('knows nothing') || document.body.innerText.includes('no place'))
	check('it goes back in time', page.url().includes('at='))
	const find = async (type, has) => {
		const r = await page.evaluate(async ([t]) => (await (await fetch('/api/v1/events?limit=300&type=' + t)).json()).items, [type])
		return r.find((e) => !has || e.text.includes(has))?.id
	}
	const start = await find('tetragon.exec', '/bin/sh')
	await page.goto(url + '?event=' + encodeURIComponent(start))
	await page.waitForSelector('aside [aria-label="Process tree"] li')
	check('a program comes with its process tree', (await page.locator('aside [aria-label="Process tree"] li').allInnerTexts()).length === 5 && (await page.locator('aside [aria-label="Process tree"] li[aria-current]').innerText()).includes('/bin/sh'))
	const letter = await find('email.message')
	await page.goto(url + '?event=' + encodeURIComponent(letter))
	await page.waitForSelector('aside [aria-label="Message"] dd')
	check('a mail is shown as a message', (await page.locator('aside [aria-label="Message"]').innerText()).includes('From'))
	check('and its links are not links', (await page.locator('aside [aria-label="Message"] li a').count()) === 0)
	await serious('a message, light')
	await page.goto(url)
	await page.waitForSelector('[role=option]')
	await serious('the queue, light')
	await page.goto(url + 'admin')
	await page.getByLabel('Name of a new user').fill('vera')
	await page.getByLabel('Password of a new user').fill(password)
	await page.getByLabel('Role of a new user').selectOption('viewer')
	await page.getByRole('button', { name: 'Add user' }).click()
	await page.getByRole('cell', { name: 'vera', exact: true }).waitFor()
	await page.getByLabel('Name of a new token').fill('siem')
	await page.getByRole('button', { name: 'Add token' }).click()
	const token = await page.locator('.secret').innerText()
	check('a token is told once', token.length > 30)
	await serious('the administration')
	check('the browser had nothing to complain of so far', said.length === 0, said)
	await page.getByRole('button', { name: 'Sign out' }).click()
	await page.getByRole('button', { name: 'Sign in' }).waitFor()
	await signIn(page, 'vera', 'not the password')
	await page.getByText('do not fit').waitFor()
	await signIn(page, 'vera', password)
	await page.waitForSelector('nav')
	await page.goto(url)
	await page.waitForSelector('[role=option]')
	const shown = await page.locator('body').innerText()
	check('a viewer reads no names of persons', shown.includes('person-') && !/\bdavid\b/i.test(shown), shown)
	said.length = 0
	check('nothing was asked of the outside', outside.length === 0, outside)
	check('the browser had nothing to complain of', said.length === 0, said)
} catch (e) {
	check('the walk came to its end', false, String(e))
} finally {
	await browser.close()
}
console.log(`1..${n}`)
process.exit(bad)
