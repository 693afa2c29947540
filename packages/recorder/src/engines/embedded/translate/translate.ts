/** Hot guest functions and loops as one WebAssembly module. */
import { ModuleWriter } from '../../../wasm/module.ts';
import type { ModuleContext } from './context.ts';
import { RegionFlow } from './flow.ts';
import { type FormedRegion, formRegion } from './formation.ts';
import { writeHelpers } from './helpers.ts';
import { RegionPlan } from './plan.ts';
import type { Naming, Profile, RegionModule, RegionOptions } from './region.ts';

/**
 * One function for each entry, exported as `pc.toString(16)`; they call each other directly.
 * @param entries addresses, each once, or what was formed there (batch.ts).
 */
export function translate(
  entries: readonly (number | FormedRegion)[],
  profile: Profile,
  options: RegionOptions,
  naming: Naming,
): RegionModule {
  const module = new ModuleWriter();
  const helpers = writeHelpers(module, options);
  const first = module.nextFunction;
  const all = entries.map((entry, k) => {
    const formed = typeof entry === 'number' ? formRegion(entry, profile, options) : entry;
    return new RegionPlan(formed, first + k, naming, options.record);
  });
  const plans = new Map(all.filter((plan) => plan.canRun).map((plan) => [plan.entry, plan]));
  const context: ModuleContext = { profile, options, naming, helpers, plans };
  for (const plan of all) {
    const flow = new RegionFlow(plan, context);
    flow.write();
    const index = module.define(helpers.regionType, flow.out.code);
    module.exportFunction(plan.entry.toString(16), index);
  }
  const bytes = module.finish();
  // The helpers are defined first.
  const bodies = bytes.bodyAt.slice(bytes.bodyAt.length - all.length);
  const bodyAt = new Map(all.map((plan, k) => [plan, bodies[k] ?? 0]));
  return { module: bytes, regions: all.map((plan) => plan.told(bodyAt)) };
}
