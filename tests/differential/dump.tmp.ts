import { openTrace } from '@backtrail/recorder/trace';
import { tracedRuns } from './exec-log.ts';
const t = openTrace(process.argv[2]!); const at=Number(process.argv[3]), n=Number(process.argv[4]??5);
const runs = tracedRuns(t,0);
for (const r of runs.slice(at-n,at+n)) console.log(r.seq, r.pc.toString(16), r.length);
const e=t.edges; const seg=t.readSegment(0);
const s0=runs[Math.max(0,at-n)]!.seq, s1=runs[at+n]!.seq;
for(let s=s0;s<=s1;s++){const k=seg[s]!; console.log('T',s,'edge',k,e.source[k]!.toString(16),'->',e.target[k]!.toString(16),'c',e.cause[k],'k',e.kind[k],'sb',e.sourceBlock[k],'tb',e.targetBlock[k]);}
const b=t.blocks; for(let i=0;i<b.count;i++){const pc=b.pc[i]!; if(process.argv.slice(5).includes(pc.toString(16))) console.log('B',i,pc.toString(16),b.size[i],b.instructions[i],'born',b.bornSeq[i], Buffer.from(b.code(i)).toString('hex'));}
