# A guest that proves an accelerator: it does what a kernel does first (64-bit mode, an exception, a model-specific register, a second address space),
# then counts how long a fixed piece of work takes. QEMU's -kernel enters it by its PVH note, in 32-bit protected mode without paging
# (https://xenbits.xen.org/docs/unstable/misc/pvh.html). Each step is told as a line on the debug console (port 0xe9); the exit device (0xf4) ends QEMU.
# Physical addresses are the linked ones. A mistake of the accelerator ends in a triple fault or in a hang, and the last line says where.

	.set	WINDOWS, 24
	.set	ROUNDS, 30000		# of work in a window: less than 2 ms under TCG
	.set	SLOT, 0x40000000	# 1 GiB: the address that the two address spaces map to different memory
	.set	MEMORY_A, 0x800000
	.set	MEMORY_B, 0xa00000
	.set	PRESENT, 3		# and writable
	.set	LARGE, 0x83		# a page of 2 MiB
	.set	EFER, 0xc0000080
	.set	GS_BASE, 0xc0000101

	.section .note.Xen, "a", @note
	.long	4, 4, 18		# XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	_start

	.macro	say text
	.section .rodata
9:	.ascii	"probe:\text\n"
8:
	.text
	mov	$9b, %esi
	mov	$(8b - 9b), %ecx
	mov	$0xe9, %edx
	rep outsb
	.endm

	.text
	.code32
	.globl	_start
_start:
	cld
	mov	$stack, %esp
	say	"32-bit mode"

	# The first GiB maps to itself, in both address spaces.
	mov	$LARGE, %eax
	mov	$directory, %edi
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	cmp	$(directory + 4096), %edi
	jne	1b
	movl	$(pointers_a + PRESENT), space_a
	movl	$(directory + PRESENT), pointers_a
	movl	$(slot_a + PRESENT), pointers_a + 8
	movl	$(MEMORY_A + LARGE), slot_a
	movl	$(pointers_b + PRESENT), space_b
	movl	$(directory + PRESENT), pointers_b
	movl	$(slot_b + PRESENT), pointers_b + 8
	movl	$(MEMORY_B + LARGE), slot_b

	mov	%cr4, %eax
	or	$0x20, %eax		# PAE
	mov	%eax, %cr4
	mov	$space_a, %eax
	mov	%eax, %cr3
	mov	$EFER, %ecx
	rdmsr
	or	$0x100, %eax		# LME
	wrmsr
	mov	%cr0, %eax
	or	$0x80000001, %eax	# PG, PE
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $2f

	.code64
2:	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	say	"64-bit mode"

	# int3 through a gate of our own, and back. A gate has its handler's address in parts.
	mov	$breakpoint, %eax
	mov	%ax, idt + 3 * 16
	movw	$8, idt + 3 * 16 + 2
	movw	$0x8e00, idt + 3 * 16 + 4
	shr	$16, %eax
	mov	%ax, idt + 3 * 16 + 6
	lidt	idt_pointer
	xor	%ebx, %ebx
	int3
	cmp	$0x600d, %ebx
	jne	wrong
	say	"exception"

	mov	$GS_BASE, %ecx
	mov	$word, %eax
	xor	%edx, %edx
	wrmsr
	xor	%eax, %eax
	rdmsr
	cmp	$word, %eax
	jne	wrong
	cmpl	$0x5a5aa5a5, %gs:0
	jne	wrong
	say	"model-specific register"

	movl	$0xa, SLOT
	mov	$space_b, %eax
	mov	%rax, %cr3
	movl	$0xb, SLOT
	cmpl	$0xa, MEMORY_A
	jne	wrong
	cmpl	$0xb, MEMORY_B
	jne	wrong
	mov	$space_a, %eax
	mov	%rax, %cr3
	cmpl	$0xa, SLOT
	jne	wrong
	say	"second address space"

	# The fastest of many windows, each shorter than the time slice that a busy host gives: what is wanted is the speed, not the load.
	mov	$-1, %rbp
	mov	$WINDOWS, %r12d
3:	call	work
	cmp	%rax, %rbp
	cmova	%rax, %rbp
	dec	%r12d
	jnz	3b
	mov	%rbp, %rax
	mov	$16, %ecx
	mov	$digits, %edi
4:	rol	$4, %rax
	mov	%eax, %ebx
	and	$15, %ebx
	mov	hex(%rbx), %bl
	mov	%bl, (%rdi)
	inc	%edi
	dec	%ecx
	jnz	4b
	mov	$report, %esi
	mov	$(report_end - report), %ecx
	mov	$0xe9, %edx
	rep outsb
	mov	$0x10, %al		# exit code 33
	jmp	end

wrong:	say	"a wrong result"
	mov	$0x11, %al		# exit code 35
end:	out	%al, $0xf4
5:	hlt
	jmp	5b

breakpoint:
	mov	$0x600d, %ebx
	iretq

# Returns in rax how many ticks of the time stamp counter a fixed mixture of arithmetic, memory, branches and calls takes.
work:	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, %r8
	mov	$ROUNDS, %r9d
	mov	$12345, %r10d
6:	imul	$1103515245, %r10d, %r10d
	add	$12345, %r10d
	mov	%r10d, %r11d
	shr	$12, %r11d
	and	$0xfff8, %r11d
	add	%r10, MEMORY_A(%r11)
	test	$0x10000, %r10d
	jz	7f
	call	8f
7:	dec	%r9d
	jnz	6b
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	sub	%r8, %rax
	ret
8:	xor	MEMORY_B(%r11), %r10d
	ret

	.section .rodata
hex:	.ascii	"0123456789abcdef"
word:	.long	0x5a5aa5a5
	.balign	8
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	23
	.long	gdt
idt_pointer:
	.word	4 * 16 - 1
	.quad	idt

	.data
report:	.ascii	"probe:ticks "
digits:	.ascii	"0000000000000000\n"
report_end:

	.bss
	.balign	4096
	.lcomm	directory, 4096
	.lcomm	space_a, 4096
	.lcomm	pointers_a, 4096
	.lcomm	slot_a, 4096
	.lcomm	space_b, 4096
	.lcomm	pointers_b, 4096
	.lcomm	slot_b, 4096
	.lcomm	idt, 4 * 16
	.space	4096
stack:
	.section .note.GNU-stack, "", @progbits
