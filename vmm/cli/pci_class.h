/* SPDX-License-Identifier: Apache-2.0 */
/* Names of PCI class codes, for people (PCI Code and ID Assignment Specification, chapter 1). */
#ifndef AERIE_PCI_CLASS_H
#define AERIE_PCI_CLASS_H

#include <stdint.h>

#define PCI_CLASS_STORAGE 0x01u
#define PCI_CLASS_NETWORK 0x02u
#define PCI_CLASS_BRIDGE  0x06u

/** @class_code: 24 bits, base class on top. Never NULL. */
const char *pci_class_name(uint32_t class_code);

#endif
