// What a model cannot do, and why: the same rules that the server has, to grey out before they are broken.

// Samples may have any form; only the number of reference images counts.
const MOST_IN_SAMPLES = 3;

function images(choice) {
  const own = choice.ownReferences + choice.productIds.length + (choice.lookImage === "reference" ? 1 : 0);
  return { first: choice.lookImage === "initial" || choice.hasInitial, end: choice.hasEnd, references: own };
}

/** Return reasons by "field:value", for whatever this model cannot make of the choice. */
export function impossible(model, choice) {
  const { id, imageDurationSeconds: only, mostReferenceImages } = model;
  const { first, end, references } = images(choice);
  const most = choice.mockMode ? MOST_IN_SAMPLES : mostReferenceImages;
  const reasons = {};
  const no = (key, reason) => (reasons[key] ??= reason);
  const noReferences = (reason) => {
    no("references", reason);
    if (choice.lookImage !== "reference") no("lookImage:reference", reason);
  };
  if (!model.available) no("mockMode:false", `Real videos cannot be made with ${id} on this server.`);
  if (references >= most) noReferences(most ? `A video of ${id} takes ${most} reference images at most.` : `${id} takes no reference images.`);
  if (choice.mockMode) return reasons;
  const durations = Object.fromEntries(model.resolutions.map(({ resolution, durationSeconds }) => [resolution, durationSeconds]));
  const makes = (resolution) => `In ${resolution}, ${id} makes ${durations[resolution].join(" or ")} s only.`;
  for (const resolution of ["720p", "1080p"]) {
    if (!durations[resolution]) no(`resolution:${resolution}`, `${id} makes no ${resolution}.`);
    else if (!durations[resolution].includes(choice.durationSeconds)) no(`resolution:${resolution}`, makes(resolution));
  }
  for (const ratio of ["16:9", "9:16"]) if (!model.aspectRatios.includes(ratio)) no(`aspectRatio:${ratio}`, `${id} makes no ${ratio}.`);
  for (const seconds of [4, 8]) {
    if (durations[choice.resolution]?.includes(seconds) === false) no(`durationSeconds:${seconds}`, makes(choice.resolution));
    if ((end || references) && only && seconds !== only) no(`durationSeconds:${seconds}`, `With an end frame or reference images, ${id} makes ${only} s only.`);
  }
  if (!model.endFrame) no("endFrame", `${id} takes no end frame.`);
  else if (!first) no("endFrame", "An end frame needs a first frame.");
  if (!model.mixesImages) {
    const either = `${id} takes either a first frame or reference images.`;
    if ((first || end) && !references) noReferences(either);
    if (references) for (const key of ["initial", "lookImage:initial"]) no(key, either);
  }
  return reasons;
}
