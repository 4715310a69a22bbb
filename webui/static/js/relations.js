/** How two things of a photo can lie to each other. */

import { gettext } from "./i18n.js";

export const RELATIONS = ["left_of", "right_of", "above", "below", "inside", "around", "touching", "larger", "smaller"];

const SAID = {
  left_of: gettext("left of"), right_of: gettext("right of"), above: gettext("above"), below: gettext("below"), inside: gettext("inside"),
  around: gettext("around"), touching: gettext("touching"), larger: gettext("larger"), smaller: gettext("smaller"),
};
export const said = (relation) => SAID[relation];

/** How two things lie to each other, in words. */
export const related = (relation, subject, object) => ({
  left_of: gettext("%(subject)s left of %(object)s", { subject, object }),
  right_of: gettext("%(subject)s right of %(object)s", { subject, object }),
  above: gettext("%(subject)s above %(object)s", { subject, object }),
  below: gettext("%(subject)s below %(object)s", { subject, object }),
  inside: gettext("%(subject)s inside %(object)s", { subject, object }),
  around: gettext("%(subject)s around %(object)s", { subject, object }),
  touching: gettext("%(subject)s touching %(object)s", { subject, object }),
  larger: gettext("%(subject)s larger than %(object)s", { subject, object }),
  smaller: gettext("%(subject)s smaller than %(object)s", { subject, object }),
})[relation];
