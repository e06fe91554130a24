// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared virtual addressing with aerie's test endpoint: an open /dev/testdev-sva is a process whose address space the
 * device uses. A module for tests, licensed like the kernel that it links with.
 *
 * write() of a struct testdev_desc (docs/test-endpoint.md) runs the request with the process's PASID and waits for its
 * end; the descriptor's addresses are the process's own. read() gives its CODE and FAULT registers.
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#define CHANNEL	     0x400
#define CH_CONTROL   0x00
#define CH_ABORT     BIT(1)
#define CH_STATUS    0x04
#define CH_BUSY	     BIT(0)
#define CH_GO	     0x20
#define CH_CODE	     0x24
#define CH_FAULT     0x38
#define CH_DESC	     0x80
#define DESC_WORDS   16
#define DESC_F_PASID BIT(16)
#define DESC_F_OP    GENMASK(10, 0) /* operation, scatter lists, status record: no interrupts, no other PASIDs */

#define WAIT_MS 60000

struct testdev_sva {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct miscdevice misc;
	struct mutex lock; /* one request at a time, on channel 0 */
};

struct testdev_process {
	struct testdev_sva *dev;
	struct iommu_sva *bond;
	u32 code;
	u64 fault;
};

static int testdev_open(struct inode *inode, struct file *file)
{
	struct testdev_sva *dev = container_of(file->private_data, struct testdev_sva, misc);
	struct testdev_process *process = kzalloc(sizeof(*process), GFP_KERNEL);

	if (!process)
		return -ENOMEM;
	process->dev = dev;
	process->bond = iommu_sva_bind_device(&dev->pdev->dev, current->mm);
	if (IS_ERR(process->bond)) {
		int err = PTR_ERR(process->bond);

		kfree(process);
		return err;
	}
	file->private_data = process;
	return 0;
}

/* Nothing of the process is under way: write() waits for the end, or aborts. */
static int testdev_release(struct inode *inode, struct file *file)
{
	struct testdev_process *process = file->private_data;

	iommu_sva_unbind_device(process->bond);
	kfree(process);
	return 0;
}

static bool testdev_busy(struct testdev_sva *dev)
{
	return readl(dev->regs + CHANNEL + CH_STATUS) & CH_BUSY;
}

static int testdev_run(struct testdev_process *process, u32 *desc)
{
	struct testdev_sva *dev = process->dev;
	unsigned long end = jiffies + msecs_to_jiffies(WAIT_MS);
	int err = 0;

	desc[0] = (desc[0] & DESC_F_OP) | DESC_F_PASID;
	desc[1] = iommu_sva_get_pasid(process->bond);
	for (unsigned int i = 0; i < DESC_WORDS; i++)
		writel(desc[i], dev->regs + CHANNEL + CH_DESC + 4 * i);
	writel(1, dev->regs + CHANNEL + CH_GO);
	while (testdev_busy(dev)) {
		if (time_after(jiffies, end))
			err = -ETIMEDOUT;
		else if (fatal_signal_pending(current))
			err = -EINTR;
		if (err) {
			writel(CH_ABORT, dev->regs + CHANNEL + CH_CONTROL);
			while (testdev_busy(dev))
				cpu_relax();
			break;
		}
		usleep_range(20, 50);
	}
	process->code = readl(dev->regs + CHANNEL + CH_CODE);
	process->fault = readl(dev->regs + CHANNEL + CH_FAULT) | (u64)readl(dev->regs + CHANNEL + CH_FAULT + 4) << 32;
	return err;
}

static ssize_t testdev_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct testdev_process *process = file->private_data;
	u32 desc[DESC_WORDS];
	int err;

	if (len != sizeof(desc))
		return -EINVAL;
	if (copy_from_user(desc, buf, sizeof(desc)))
		return -EFAULT;
	if (mutex_lock_interruptible(&process->dev->lock))
		return -ERESTARTSYS;
	err = testdev_run(process, desc);
	mutex_unlock(&process->dev->lock);
	return err ? err : len;
}

static ssize_t testdev_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct testdev_process *process = file->private_data;
	u64 out[2] = {process->code, process->fault};

	if (len != sizeof(out))
		return -EINVAL;
	return copy_to_user(buf, out, sizeof(out)) ? -EFAULT : len;
}

static const struct file_operations testdev_fops = {
	.owner = THIS_MODULE,
	.open = testdev_open,
	.release = testdev_release,
	.read = testdev_read,
	.write = testdev_write,
};

static int testdev_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct testdev_sva *dev = devm_kzalloc(&pdev->dev, sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return -ENOMEM;
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	dev->pdev = pdev;
	dev->regs = pcim_iomap_region(pdev, 0, "testdev-sva");
	if (IS_ERR(dev->regs))
		return PTR_ERR(dev->regs);
	mutex_init(&dev->lock);
	pci_set_master(pdev);
	dev->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR, .name = "testdev-sva", .fops = &testdev_fops, .parent = &pdev->dev};
	pci_set_drvdata(pdev, dev);
	return misc_register(&dev->misc);
}

static void testdev_remove(struct pci_dev *pdev)
{
	struct testdev_sva *dev = pci_get_drvdata(pdev);

	misc_deregister(&dev->misc);
	pci_clear_master(pdev);
}

static const struct pci_device_id testdev_ids[] = {
	{PCI_DEVICE(0x1234, 0xae71)},
	{},
};
MODULE_DEVICE_TABLE(pci, testdev_ids);

static struct pci_driver testdev_driver = {
	.name = "testdev-sva",
	.id_table = testdev_ids,
	.probe = testdev_probe,
	.remove = testdev_remove,
};
module_pci_driver(testdev_driver);

MODULE_DESCRIPTION("Shared virtual addressing with aerie's test endpoint");
MODULE_LICENSE("GPL");
