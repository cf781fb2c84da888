// What a proposed response does to ordinary work. Models name responses in words; what cannot be told
// apart is said to need a person.
const known: [RegExp, string][] = [
	[/kill|terminate/, 'The program ends; its memory is lost unless it was captured first.'],
	[/hold the process|freeze|pause/, 'The program stands still; nothing is lost.'],
	[/log ?out|end (the )?(console )?(all )?sessions?/, 'The person has to sign in again everywhere.'],
	[/disable/, 'What uses it stops working.'],
	[/inbox rule|remove the forwarding|remove the rule/, 'Mail is delivered as before the rule.'],
	[/lock the link|double-lock/, 'Who clicks it is held; the message stays.'],
	[/hold the identity|hold to/, 'It may do what it always did, and nothing new.'],
	[/block|quarantine|isolate/, 'Matching connections fail, ordinary ones among them.'],
	[/detach|permission|policy|security group/, 'Rights are taken until they are given back.'],
	[/stop what was started|stop the instance/, 'Machines stop; their disks stay.'],
	[/restore|undo/, 'Goes back to the state before.'],
	[/revoke|remove|delete/, 'What was given is taken back.'],
	[/capture|copy/, 'None: it only reads.'],
]

export const effectOf = (action: string) => known.find(([re]) => re.test(action.toLowerCase()))?.[1] ?? 'Depends on the system; a person decides.'
