/* SPDX-License-Identifier: Apache-2.0 */
/* PVH start (32 bits, no paging; ebx: hvm_start_info), long mode with all memory 1:1, exception vectors. */
	.section .note.pvh, "a", @note
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_head

	.section .head, "ax"
	.code32
	.global _head
_head:
	cld
	movl	$stack_end, %esp
	movl	%ebx, %esi

	/* bss; the stack and the page tables are in it or behind it */
	movl	$bss_start, %edi
	movl	$bss_end, %ecx
	subl	%edi, %ecx
	shrl	$2, %ecx
	xorl	%eax, %eax
	rep stosl

	/* 4 GiB in pages of 2 MiB (KVM without hardware page tables has no larger ones): present, writable, large;
	 * accessed and dirty already */
	movl	$level3 + 0x63, level4
	movl	$level2 + 0x63, level3
	movl	$level2 + 0x1063, level3 + 8
	movl	$level2 + 0x2063, level3 + 16
	movl	$level2 + 0x3063, level3 + 24
	movl	$level2, %edi
	movl	$0xe3, %eax
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	decl	%ecx
	jnz	1b

	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$level4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax	/* PG, PE */
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$0x08, $long_mode

	.code64
long_mode:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%esi, %edi
	call	arch_start
1:	hlt
	jmp	1b

	/* Where KVM delivers exceptions: vectors push themselves and an error code. */
	.global vectors
	.balign	16
vectors:
	.set	n, 0
	.rept	256
	.balign	16
	.if	!(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)
	pushq	$0
	.endif
	pushq	$n
	jmp	save
	.set	n, n + 1
	.endr

save:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rbx
	pushq	%rbp
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	call	arch_vector
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbp
	popq	%rbx
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

	.section .rodata
	.balign	8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 0x08: code, 64 bits */
	.quad	0x00cf93000000ffff	/* 0x10: data */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt

	.bss
	.balign	4096
	.global level3
level4:	.skip	4096
level3:	.skip	4096
level2:	.skip	4 * 4096

	.section .note.GNU-stack, "", @progbits
