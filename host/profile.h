/* What a plan cost, layer by layer. */
#ifndef HOST_PROFILE_H
#define HOST_PROFILE_H

#include "host.h"

/* Times of the plan's last run; needs a context that profiles. */
void profile_print(const fovea_plan *plan);
/* The same as a JSON array "layers" of the open object. */
void profile_json(const fovea_plan *plan);

#endif
