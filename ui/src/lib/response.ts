// What a proposed response does to ordinary work and how it is undone. Models name responses in
// words; what cannot be told apart is said to need a person.
export interface Undo {
	effect: string
	undo: string
	final: boolean
}

const known: [RegExp, Undo][] = [
	[/kill|terminate/, { effect: 'The program ends; its memory is lost unless it was captured first.', undo: 'Cannot be undone: start the service again.', final: true }],
	[/hold the process|freeze|pause/, { effect: 'The program stands still; nothing is lost.', undo: 'Let it go on.', final: false }],
	[/log ?out|end (the )?(console )?(all )?sessions?|end sessions/, { effect: 'The person has to sign in again everywhere.', undo: 'Nothing to undo: sign in again.', final: false }],
	[/disable the (key|account|user)|disable/, { effect: 'What uses it stops working.', undo: 'Enable it again.', final: false }],
	[/inbox rule|remove the forwarding|remove the rule/, { effect: 'Mail is delivered as before the rule.', undo: 'The rule as it was is kept with the incident: make it again.', final: false }],
	[/lock the link|double-lock/, { effect: 'Who clicks it is held; the message stays.', undo: 'Unlock the link.', final: false }],
	[/hold to the pattern of life|hold the identity|hold to/, { effect: 'It may do what it always did, and nothing new.', undo: 'Lift the hold; it ends by itself.', final: false }],
	[/block|quarantine|isolate/, { effect: 'Matching connections fail, ordinary ones among them.', undo: 'Lift the block; it ends by itself.', final: false }],
	[/detach|permission|policy|security group/, { effect: 'Rights are taken until they are given back.', undo: 'Attach again what was detached; it stands in the cloud log.', final: false }],
	[/stop what was started|stop the instance/, { effect: 'Machines stop; their disks stay.', undo: 'Start them again.', final: false }],
	[/restore|undo/, { effect: 'Goes back to the state before.', undo: 'The changed state is in the log.', final: false }],
	[/revoke|remove|delete/, { effect: 'What was given is taken back.', undo: 'Give it again, by hand.', final: false }],
	[/capture|copy/, { effect: 'None: it only reads.', undo: 'Nothing to undo.', final: false }],
]

export function undoOf(action: string): Undo {
	const a = action.toLowerCase()
	return known.find(([re]) => re.test(a))?.[1] ?? { effect: 'Depends on the system; a person decides.', undo: 'By hand.', final: false }
}
