/** The health of the installation, kept up to date, and the buttons that cure. */

import { keepFresh, refresh } from "./fresh.js";
import { giveOrders } from "./orders.js";

keepFresh("#health", 10);
giveOrders(() => refresh("#health"));
