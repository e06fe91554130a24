/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AERIE_FAKE_VHOST_PRIV_H
#define AERIE_FAKE_VHOST_PRIV_H

void fake_tap_install(void);

#endif
