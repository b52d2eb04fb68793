// What a model cannot do, and why: the same rules that the server has, to grey out before they are broken.

// Samples may have any form; only the number of reference images counts.
const MOST_IN_SAMPLES = 3;

/** Which images a choice asks for. */
export function images(choice) {
  const own = choice.ownReferences + choice.productIds.length + (choice.lookImage === "reference" ? 1 : 0);
  return { first: choice.lookImage === "initial" || choice.hasInitial, end: choice.hasEnd, references: own };
}

/** Return reasons by "field:value", for whatever this model cannot make of the choice. */
export function impossible(model, choice) {
  const reasons = {};
  const no = (key, reason) => (reasons[key] ??= reason);
  if (!model.available) no("mode:real", `Real videos cannot be made with ${model.id} on this server.`);
  const { first, end, references } = images(choice);
  const noReferences = (reason) => {
    no("references", reason);
    if (choice.lookImage !== "reference") no("lookImage:reference", reason);
  };
  if (choice.mockMode) {
    if (references >= MOST_IN_SAMPLES) noReferences(`A video takes ${MOST_IN_SAMPLES} reference images at most.`);
    return reasons;
  }
  const durations = Object.fromEntries(model.resolutions.map(({ resolution, durationSeconds }) => [resolution, durationSeconds]));
  for (const resolution of ["720p", "1080p"]) {
    if (!durations[resolution]) no(`resolution:${resolution}`, `${model.id} makes no ${resolution}.`);
    else if (!durations[resolution].includes(choice.durationSeconds)) no(`resolution:${resolution}`, `In ${resolution}, ${model.id} makes ${durations[resolution].join(" or ")} s only.`);
  }
  for (const ratio of ["16:9", "9:16"]) if (!model.aspectRatios.includes(ratio)) no(`aspectRatio:${ratio}`, `${model.id} makes no ${ratio}.`);
  const only = end || references ? model.imageDurationSeconds : null;
  for (const seconds of [4, 8]) {
    const fits = durations[choice.resolution] ?? [4, 8];
    if (!fits.includes(seconds)) no(`durationSeconds:${seconds}`, `In ${choice.resolution}, ${model.id} makes ${fits.join(" or ")} s only.`);
    if (only && seconds !== only) no(`durationSeconds:${seconds}`, `With an end frame or reference images, ${model.id} makes ${only} s only.`);
  }
  if (!model.endFrame) no("endFrame", `${model.id} takes no end frame.`);
  else if (!first) no("endFrame", "An end frame needs a first frame.");
  if (model.mostReferenceImages === 0) noReferences(`${model.id} takes no reference images.`);
  else if (references >= model.mostReferenceImages) noReferences(`${model.id} takes ${model.mostReferenceImages} reference images at most.`);
  if (!model.mixesImages) {
    const either = `${model.id} takes either a first frame or reference images.`;
    if ((first || end) && !references) noReferences(either);
    if (references) for (const key of ["initial", "lookImage:initial"]) no(key, either);
  }
  return reasons;
}
