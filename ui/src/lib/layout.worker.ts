// Places of a graph's nodes, away from the page's own thread.
import { forceCenter, forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from 'd3-force'

interface In {
	n: number
	links: [number, number][]
	width: number
	height: number
}

onmessage = (e: MessageEvent<In>) => {
	const { n, links, width, height } = e.data
	const nodes = Array.from({ length: n }, (_, index) => ({ index, x: 0, y: 0 }))
	// A start on a spiral: the same graph always looks the same.
	nodes.forEach((d, i) => {
		d.x = width / 2 + 12 * Math.sqrt(i) * Math.cos(i * 2.4)
		d.y = height / 2 + 12 * Math.sqrt(i) * Math.sin(i * 2.4)
	})
	const sim = forceSimulation(nodes)
		.force('link', forceLink(links.map(([source, target]) => ({ source, target }))).distance(70).strength(0.5))
		.force('charge', forceManyBody().strength(-220))
		.force('collide', forceCollide(22))
		.force('x', forceX(width / 2).strength(0.05))
		.force('y', forceY(height / 2).strength(0.09))
		.force('center', forceCenter(width / 2, height / 2))
		.stop()
	const rounds = n > 800 ? 120 : 220
	for (let i = 0; i < rounds; i++) {
		sim.tick()
		if (i % 40 === 39) postMessage(nodes.map((d) => [d.x, d.y]))
	}
	postMessage(nodes.map((d) => [d.x, d.y]))
}
