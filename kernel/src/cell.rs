//! Things that several hold and one at a time uses: a value comes in, references that lock it go out. Each has work that runs it, a
//! timer, and a socket to wake; the shim's cell is the place of all that.
#![expect(unsafe_code, reason = "the shim is C")]

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

use inquic_platform::Instant;
use inquic_socket::Errno;

use crate::ffi;

/// What a cell does when it was asked to run.
pub(crate) trait Run: Sized {
    /// Runs in process context, never twice at once, without the cell's lock.
    fn run(this: &Shared<Self>);
}

/// A holder of a cell with a `T`.
pub(crate) struct Shared<T> {
    cell: NonNull<ffi::Cell>,
    value: NonNull<UnsafeCell<T>>,
    own: PhantomData<T>,
}

// SAFETY: the cell counts its holders atomically, and its lock lets one at a time have the value.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

/// A cell that is not held.
pub(crate) struct Weak<T> {
    cell: NonNull<ffi::Cell>,
    value: NonNull<UnsafeCell<T>>,
}

// SAFETY: as above.
unsafe impl<T: Send> Send for Weak<T> {}

/// The value while the cell is locked.
pub(crate) struct Guard<'a, T>(&'a Shared<T>);

impl<T: Run> Shared<T> {
    /// Puts a value into a cell of its own; with a namespace, into the list of its sockets.
    ///
    /// # Errors
    ///
    /// [`Errno::ENOMEM`].
    pub(crate) fn new(net: *mut ffi::Net, value: T) -> Result<Self, Errno> {
        // SAFETY: the size of a connection or a port is not 0.
        let memory = unsafe { ffi::inquic_alloc(size_of::<T>(), align_of::<T>()) };
        let place = NonNull::new(memory.cast::<UnsafeCell<T>>()).ok_or(Errno::ENOMEM)?;
        // SAFETY: the memory is of this size and alignment, and nobody else's.
        unsafe { place.write(UnsafeCell::new(value)) };
        // SAFETY: both functions take what they are given here.
        let cell =
            unsafe { ffi::inquic_cell_new(net, place.as_ptr().cast(), run::<T>, drop_value::<T>) };
        let Some(cell) = NonNull::new(cell) else {
            // SAFETY: nobody else has it.
            unsafe { drop_value::<T>(place.as_ptr().cast()) };
            return Err(Errno::ENOMEM);
        };
        Ok(Self {
            cell,
            value: place,
            own: PhantomData,
        })
    }
}

impl<T> Shared<T> {
    /// The holder that C has in `cell`, which keeps it.
    ///
    /// # Safety
    ///
    /// `cell` was made by [`Shared::into_raw`] of the same `T`, and its value is at `value`.
    unsafe fn borrowed(cell: NonNull<ffi::Cell>, value: NonNull<UnsafeCell<T>>) -> Self {
        // SAFETY: C holds it.
        unsafe { ffi::inquic_cell_get(cell.as_ptr()) };
        Self {
            cell,
            value,
            own: PhantomData,
        }
    }

    /// Waits for the lock.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        // SAFETY: the cell is alive as long as it has holders.
        unsafe { ffi::inquic_cell_lock(self.cell.as_ptr()) };
        Guard(self)
    }

    /// Has the cell run soon.
    pub(crate) fn kick(&self) {
        // SAFETY: as above.
        unsafe { ffi::inquic_cell_kick(self.cell.as_ptr()) }
    }

    /// Has the cell run at this time.
    pub(crate) fn arm(&self, deadline: Instant) {
        // SAFETY: as above.
        unsafe { ffi::inquic_cell_arm(self.cell.as_ptr(), deadline.as_nanos()) }
    }

    /// Wakes whoever waits for the cell's socket; with an errno, that of the connection's end.
    pub(crate) fn wake(&self, error: i32) {
        // SAFETY: as above.
        unsafe { ffi::inquic_cell_wake(self.cell.as_ptr(), error) }
    }

    /// The socket is charged for so many bytes of received and of written data.
    pub(crate) fn charge(&self, [receive, send]: [usize; 2]) {
        let number = |bytes| c_int::try_from(bytes).unwrap_or(c_int::MAX);
        // SAFETY: as above.
        unsafe { ffi::inquic_cell_charge(self.cell.as_ptr(), number(receive), number(send)) }
    }

    /// Whether there is a socket that can be told of the connection's end.
    pub(crate) fn is_attached(&self) -> bool {
        // SAFETY: as above.
        unsafe { ffi::inquic_cell_attached(self.cell.as_ptr()) }
    }

    /// The device that the cell's socket is bound to; 0 for none.
    pub(crate) fn device(&self) -> i32 {
        // SAFETY: as above.
        unsafe { ffi::inquic_cell_device(self.cell.as_ptr()) }
    }

    /// A reference that does not hold the cell.
    pub(crate) const fn downgrade(&self) -> Weak<T> {
        Weak {
            cell: self.cell,
            value: self.value,
        }
    }

    /// The cell itself, for the shim; alive as long as this holder.
    pub(crate) const fn raw(&self) -> *mut ffi::Cell {
        self.cell.as_ptr()
    }

    /// Gives the holder to C, with whom it stays until `inquic_cell_put`.
    pub(crate) fn into_raw(self) -> *mut ffi::Cell {
        let cell = self.cell.as_ptr();
        core::mem::forget(self);
        cell
    }

    /// Whether both hold the same cell.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.cell == other.cell
    }
}

impl<T> Weak<T> {
    /// A holder, if there is still one.
    ///
    /// # Safety
    ///
    /// The value's destructor has not ended: whoever keeps this reference forgets it there.
    pub(crate) unsafe fn upgrade(&self) -> Option<Shared<T>> {
        // SAFETY: the cell is freed after the value's destructor, as the caller promises.
        let held = unsafe { ffi::inquic_cell_try_get(self.cell.as_ptr()) };
        held.then(|| Shared {
            cell: self.cell,
            value: self.value,
            own: PhantomData,
        })
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        // SAFETY: this holder keeps the cell alive.
        unsafe { Self::borrowed(self.cell, self.value) }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: this holder is counted, and gone with this call.
        unsafe { ffi::inquic_cell_put(self.cell.as_ptr()) }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is ours.
        unsafe { &*self.0.value.as_ref().get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is ours.
        unsafe { &mut *self.0.value.as_ref().get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the lock is ours.
        unsafe { ffi::inquic_cell_unlock(self.0.cell.as_ptr()) }
    }
}

/// The holder in a cell that the shim gave, which keeps its own.
///
/// # Safety
///
/// The cell has a `T`, and somebody holds it.
pub(crate) unsafe fn of<T: Run>(cell: *mut ffi::Cell) -> Shared<T> {
    // SAFETY: the cell is alive, as the caller promises, and its value is where `Shared::new` put it.
    unsafe {
        let value = ffi::inquic_cell_value(cell).cast::<UnsafeCell<T>>();
        Shared::borrowed(NonNull::new_unchecked(cell), NonNull::new_unchecked(value))
    }
}

unsafe extern "C" fn run<T: Run>(cell: *mut ffi::Cell, _: *mut c_void) {
    // SAFETY: the shim runs a cell that has a holder, and this function is that of its `T`.
    T::run(&unsafe { of(cell) });
}

unsafe extern "C" fn drop_value<T>(value: *mut c_void) {
    // SAFETY: the last holder is gone, and the value was put there by `Shared::new`.
    unsafe {
        ptr::drop_in_place(value.cast::<UnsafeCell<T>>());
        ffi::inquic_free(value.cast(), size_of::<T>());
    }
}
